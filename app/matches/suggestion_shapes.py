"""What is shown of the mentors suggested for a mentee, and the weights that rank them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, StrictInt, model_validator
from pydantic import Field as Shape
from pydantic_core import PydanticCustomError

from app.core.models import Inbound, Outbound
from app.matches.factors import START_WEIGHTS, Factor
from app.matches.suggest import Rule

WHOLE = 100
Weight = Annotated[StrictInt, Shape(ge=0, le=WHOLE)]


class MatchWeightsCreate(Inbound):
    """The next version of the weights, whole: one for each factor, 100 in all."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"weights": {factor.value: weight for factor, weight in START_WEIGHTS.items()}}]
        }
    )

    weights: dict[Factor, Weight]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if set(self.weights) != set(Factor):
            raise PydanticCustomError("weights_factors", "Each factor has a weight, also one of 0.")
        if sum(self.weights.values()) != WHOLE:
            raise PydanticCustomError("weights_sum", "The weights are 100 in all.")
        return self


class MatchWeightsPublic(Outbound):
    """One version of the weights; the highest number is in force. Number 0 is what every programme starts with."""

    number: int
    weights: dict[Factor, int]
    created_at: datetime


class FactorShown(Outbound):
    """What one factor counts for a mentor."""

    factor: Factor
    weight: int
    points: float
    """Of its weight."""
    words: str


class SuggestionShown(Outbound):
    """A mentor who could be offered this mentee."""

    mentor_id: UUID
    name: str
    known_as: str
    score: float
    """0 to 100: the points of the factors that are counted, out of their weights."""
    factors: list[FactorShown]
    flags: list[str]
    """To be looked at before offering; none of them excludes."""
    active_match_count: int
    capacity: int


class RuleShown(Outbound):
    """A hard rule that excludes a mentor, and why."""

    rule: Rule
    words: str


class ExcludedShown(Outbound):
    """A mentor who cannot be offered this mentee."""

    mentor_id: UUID
    name: str
    known_as: str
    rules: list[RuleShown]


class FactorLeftOut(Outbound):
    """A factor that is counted for nobody, and why."""

    factor: Factor
    weight: int
    words: str


class RuleCount(Outbound):
    """How many mentors a rule excludes; one may be excluded by several."""

    rule: Rule
    mentor_count: int


class Suggestions(Outbound):
    """The mentors of the programme for one mentee, the best first, and why the others cannot be offered."""

    mentee_id: UUID
    weights_number: int
    """The version of the weights by which this was ranked."""
    waiting_bonus: float
    """0 to 20: what waiting counts where several people want the same mentor."""
    left_out: list[FactorLeftOut]
    suggestions: list[SuggestionShown]
    suggestion_count: int
    """How many there are in all; `limit` of them are shown."""
    excluded: list[ExcludedShown]
    """Those with the fewest rules against them first, 200 at most."""
    excluded_count: int
    excluded_by: list[RuleCount]
    culture: str | None
    """The mentee's wish in words, for you to read; so are the two that follow."""
    not_with: str | None
    availability: str | None
