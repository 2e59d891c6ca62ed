"""Who suits whom: hard rules exclude and say why, soft factors count and say why, the same each time."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.codes import Circumstance, Code, StatedGender, TrainingModule, Treatment
from app.matches.factors import START_WEIGHTS, Candidate, Factor, Mentee
from app.matches.suggest import Judged, Rule, suggest, waiting_bonus

TUESDAY = [{"weekday": "tuesday", "starts_at": "14:00", "ends_at": "16:00"}]
MENTEE = Mentee(
    languages=["so", "en"],
    mentor_gender=StatedGender.FEMALE,
    modes=["face_to_face"],
    slots=TUESDAY,
    treatments=["insulin"],
    circumstances=["cares_for_somebody", "works"],
    interests=["Gardening", "Cooking"],
    birth_year=1968,
)
IDEAL = Candidate(
    id="ideal",
    languages=["so"],
    gender=StatedGender.FEMALE,
    modes=["face_to_face", "telephone"],
    slots=TUESDAY,
    treatments=["insulin", "tablets"],
    circumstances=["cares_for_somebody", "works"],
    interests=["gardening", "cooking"],
    birth_year=1968,
)


def judged(mentee: Mentee = MENTEE, **changes: Any) -> Judged:
    found = suggest(mentee, [replace(IDEAL, **changes)], START_WEIGHTS)
    return (*found.ranked, *found.excluded)[0]


def said(factor: Factor, mentee: Mentee = MENTEE, **changes: Any) -> tuple[float, str]:
    (part,) = [part for part in judged(mentee, **changes).parts if part.factor is factor]
    return part.points, part.words


def test_the_start_weights_are_one_hundred_and_name_every_factor() -> None:
    assert sum(START_WEIGHTS.values()) == 100
    assert set(START_WEIGHTS) == set(Factor)


def test_who_fits_in_everything_that_is_known_has_the_whole_score_and_the_reasons_in_words() -> None:
    best = judged()
    assert best.score == 100.0
    assert [part.words for part in best.parts] == [
        "overlap Tuesday 14:00-16:00",
        "both manage with insulin",
        "alike: cares for somebody and in work",
        "of an age",
        "both like Gardening and Cooking",
        "as wished",
    ]


@pytest.mark.parametrize(
    ("changes", "rule", "words"),
    [
        ({"is_active": False}, Rule.NOT_ACTIVE, "Paused"),
        ({"missing_modules": ["boundaries"]}, Rule.NOT_TRAINED, "Still to do: Keeping boundaries"),
        ({"is_account_usable": False}, Rule.NO_ACCOUNT, "The account is disabled or has no role"),
        ({"active_match_count": 2}, Rule.FULL, "Holds 2 of 2"),
        ({"capacity": 0}, Rule.FULL, "Holds 0 of 0"),
        ({"languages": ["pl"]}, Rule.LANGUAGE, "Speaks pl; needed: so, en"),
        ({"languages": []}, Rule.LANGUAGE, "Speaks nothing that is recorded; needed: so, en"),
        ({"is_excluded": True}, Rule.EXCLUDED_PAIR, "These two must not be matched"),
        ({"is_offered": True}, Rule.OFFERED, "Has an open offer or a match with this mentee"),
        ({"modes": ["video"]}, Rule.MODE, "No way of meeting in common"),
        (
            {"slots": [{"weekday": "tuesday", "starts_at": "15:01", "ends_at": "18:00"}]},
            Rule.SLOTS,
            "Longest time in common 59 minutes; a session lasts 60",
        ),
    ],
)
def test_each_hard_rule_excludes_by_itself_and_says_why(changes: dict[str, Any], rule: Rule, words: str) -> None:
    assert [(broken.rule, broken.words) for broken in judged(**changes).broken] == [(rule, words)]


@pytest.mark.parametrize(
    ("is_required", "gender", "rules"),
    [
        (True, StatedGender.MALE, [Rule.GENDER]),
        (True, None, [Rule.GENDER]),
        (True, StatedGender.FEMALE, []),
        (False, StatedGender.MALE, []),
    ],
)
def test_a_wish_for_a_gender_excludes_only_where_it_is_needed(
    is_required: bool, gender: StatedGender | None, rules: list[Rule]
) -> None:
    mentee = replace(MENTEE, is_mentor_gender_required=is_required)
    assert [broken.rule for broken in judged(mentee, gender=gender).broken] == rules


def test_with_an_interpreter_no_common_language_is_needed() -> None:
    assert judged(replace(MENTEE, is_interpreter_needed=True), languages=["pl"]).broken == ()


@pytest.mark.parametrize("unknown", [{"slots": []}, {"modes": []}])
def test_what_is_not_known_of_a_mentor_excludes_nobody(unknown: dict[str, Any]) -> None:
    assert judged(**unknown).broken == ()


@pytest.mark.parametrize(
    ("factor", "changes", "points", "words"),
    [
        (Factor.SLOTS, {"slots": []}, 7.5, "the mentor's times are not known"),
        (Factor.TREATMENT, {"treatments": None}, 7.5, "the mentor's own treatment is not known"),
        (Factor.TREATMENT, {"treatments": ["tablets"]}, 0.0, "another treatment"),
        (Factor.CIRCUMSTANCES, {"circumstances": ["works"]}, 5.0, "alike: in work"),
        (Factor.CIRCUMSTANCES, {"circumstances": ["retired"]}, 0.0, "other circumstances"),
        (Factor.CIRCUMSTANCES, {"circumstances": []}, 5.0, "the mentor's circumstances are not known"),
        (Factor.AGE, {"birth_year": 1953}, 5.0, "about 15 years apart"),
        (Factor.AGE, {"birth_year": 1969}, 9.67, "about 1 year apart"),
        (Factor.AGE, {"birth_year": 1930}, 0.0, "about 38 years apart"),
        (Factor.AGE, {"birth_year": None}, 5.0, "the mentor's year of birth is not known"),
        (Factor.INTERESTS, {"interests": ["COOKING", "chess"]}, 5.0, "both like Cooking"),
        (Factor.INTERESTS, {"interests": ["chess"]}, 0.0, "other interests"),
        (Factor.INTERESTS, {"interests": []}, 5.0, "the mentor's interests are not known"),
        (Factor.GENDER, {"gender": StatedGender.MALE}, 0.0, "not as wished"),
        (Factor.GENDER, {"gender": None}, 5.0, "the mentor's gender is not recorded"),
    ],
)
def test_each_factor_counts_its_share_and_what_is_not_known_neither_for_nor_against(
    factor: Factor, changes: dict[str, Any], points: float, words: str
) -> None:
    assert said(factor, **changes) == (points, words)


def test_one_session_s_time_in_common_is_half_of_what_counts_in_full() -> None:
    one_hour = [{"weekday": "tuesday", "starts_at": "15:00", "ends_at": "20:00"}]
    assert said(Factor.SLOTS, slots=one_hour) == (7.5, "overlap Tuesday 15:00-16:00")


def test_what_is_not_known_of_the_mentee_is_left_out_for_everybody_and_said() -> None:
    found = suggest(Mentee(), [IDEAL], START_WEIGHTS)
    assert set(found.left_out) == set(Factor)
    assert (found.ranked[0].score, found.ranked[0].parts) == (0.0, [])
    some = suggest(replace(Mentee(), birth_year=1968), [IDEAL], START_WEIGHTS)
    assert (some.ranked[0].score, len(some.left_out)) == (100.0, 7)


def test_a_weight_of_nought_takes_a_factor_away() -> None:
    weights = dict.fromkeys(Factor, 0) | {Factor.TREATMENT: 100}
    found = suggest(MENTEE, [replace(IDEAL, gender=StatedGender.MALE, birth_year=1930)], weights)
    assert (found.ranked[0].score, [part.factor for part in found.ranked[0].parts]) == (100.0, [Factor.TREATMENT])


def test_who_suits_alike_comes_by_fewer_mentees_held_and_then_by_id() -> None:
    candidates = [replace(IDEAL, id=name, active_match_count=held) for name, held in (("b", 1), ("c", 0), ("a", 1))]
    assert [one.id for one in suggest(MENTEE, candidates, START_WEIGHTS).ranked] == ["c", "a", "b"]


def test_those_with_the_fewest_rules_against_them_come_first_among_the_excluded() -> None:
    worse = replace(IDEAL, id="a", is_active=False, modes=["video"])
    found = suggest(MENTEE, [worse, replace(IDEAL, id="b", is_active=False)], START_WEIGHTS)
    assert [one.id for one in found.excluded] == ["b", "a"]


@pytest.mark.parametrize(("days", "points"), [(-3, 0.0), (0, 0.0), (42, 10.0), (84, 20.0), (400, 20.0)])
def test_waiting_counts_up_to_twenty_points_in_twelve_weeks(days: int, points: float) -> None:
    assert waiting_bonus(days) == points


def some_of(codes: type[Code]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(list(codes)), max_size=3, unique=True)


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    return [
        Candidate(
            id=f"{number:03}",
            is_active=draw(st.booleans()),
            active_match_count=draw(st.integers(0, 3)),
            languages=draw(st.lists(st.sampled_from(["so", "en", "pl"]), max_size=2)),
            gender=draw(st.none() | st.sampled_from(StatedGender)),
            slots=draw(st.sampled_from([[], TUESDAY])),
            birth_year=draw(st.none() | st.integers(1930, 2005)),
            treatments=draw(some_of(Treatment)),
            circumstances=draw(some_of(Circumstance)),
            missing_modules=draw(some_of(TrainingModule)),
        )
        for number in range(draw(st.integers(0, 8)))
    ]


@given(candidates(), st.randoms())
def test_every_mentor_is_told_of_once_whatever_order_they_come_in(some: list[Candidate], chance: Any) -> None:
    found = suggest(MENTEE, some, START_WEIGHTS)
    assert sorted(one.id for one in (*found.ranked, *found.excluded)) == [one.id for one in some]
    assert all(0 <= one.score <= 100 for one in found.ranked)
    assert [one.score for one in found.ranked] == sorted((one.score for one in found.ranked), reverse=True)
    shuffled = list(some)
    chance.shuffle(shuffled)
    assert suggest(MENTEE, shuffled, START_WEIGHTS) == found
