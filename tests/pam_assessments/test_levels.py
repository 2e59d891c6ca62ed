"""The level of a PAM score under both published sets of cut-offs."""

import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pam_assessments.levels import (
    DEFAULT_MIN_ITEMS,
    ITEM_COUNT,
    CutSet,
    Form,
    Measured,
    Pair,
    level,
    relevel,
)

FACTS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "outcomes.json").read_text("utf-8"))
EVERY_SCORE = [Decimal(tenths).scaleb(-1) for tenths in range(1001)]

cut_sets = st.sampled_from(CutSet)
scores = st.sampled_from(EVERY_SCORE)


@pytest.mark.parametrize("vector", FACTS["levels"], ids=lambda vector: vector["score"])
def test_published_scores_have_the_published_level(vector: dict[str, Any]) -> None:
    score = Decimal(vector["score"])
    assert level(score, CutSet.OLDER) == vector["older"]
    assert level(score, CutSet.CURRENT) == vector["current"]


@pytest.mark.parametrize("cut_set", CutSet)
def test_each_cut_off_is_the_last_score_of_its_level(cut_set: CutSet) -> None:
    tops = [score for score, following in pairwise(EVERY_SCORE) if level(score, cut_set) != level(following, cut_set)]
    assert [str(top) for top in tops] == FACTS["cut_sets"][cut_set]


def test_the_two_sets_differ_only_from_67_1_to_72_4() -> None:
    differing = [score for score in EVERY_SCORE if level(score, CutSet.OLDER) != level(score, CutSet.CURRENT)]
    assert (differing[0], differing[-1], len(differing)) == (Decimal("67.1"), Decimal("72.4"), 54)
    assert {(level(score, CutSet.OLDER), level(score, CutSet.CURRENT)) for score in differing} == {(4, 3)}


@given(scores, scores, cut_sets)
def test_a_higher_score_never_means_a_lower_level(one: Decimal, other: Decimal, cut_set: CutSet) -> None:
    low, high = sorted((one, other))
    assert 1 <= level(low, cut_set) <= level(high, cut_set) <= 4


@pytest.mark.parametrize("text", ["-0.1", "100.1", "47.05", "55.15", "NaN", "sNaN", "Infinity", "1E+400", "1E-30"])
def test_a_score_off_the_scale_or_too_fine_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="PAM score") as refusal:
        level(Decimal(text), CutSet.CURRENT)
    assert text not in str(refusal.value)


def test_trailing_zeros_do_not_make_a_score_too_fine() -> None:
    assert level(Decimal("72.40"), CutSet.CURRENT) == 3
    assert level(Decimal("100"), CutSet.CURRENT) == 4


def test_no_form_asks_for_more_items_than_it_has() -> None:
    assert {form: (DEFAULT_MIN_ITEMS[form], ITEM_COUNT[form]) for form in Form} == {
        Form.PAM_22: (17, 22),
        Form.PAM_13: (10, 13),
        Form.PAM_10: (8, 10),
    }


def test_levels_from_two_sets_are_compared_only_after_working_them_out_under_one() -> None:
    older = Measured(Decimal("68.0"), level=4, cut_set=CutSet.OLDER)
    current = Measured(Decimal("72.0"), level=3, cut_set=CutSet.CURRENT)
    pair = Pair(baseline=older, follow_up=current)
    assert pair.cut_set is None
    assert pair.change == Decimal("4.0")
    assert relevel(pair, CutSet.CURRENT) == Pair(
        Measured(Decimal("68.0"), 3, CutSet.CURRENT), Measured(Decimal("72.0"), 3, CutSet.CURRENT)
    )
    assert relevel(pair, CutSet.OLDER).follow_up.level == 4
    assert pair.follow_up.level == 3
