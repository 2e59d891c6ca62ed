"""One table of states and verbs per thing; checks, `actions` and the pictures in docs/ are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.errors import StepNotPossible


@dataclass(frozen=True)
class Step:
    """A verb: the states it may start from, the state it leads to (None: it stays), and the permission it needs."""

    origins: tuple[str, ...]
    to: str | None
    permission: str


@dataclass(frozen=True)
class Steps:
    """All verbs of one thing, and the SQL expression of its state."""

    verbs: Mapping[str, Step]
    column: str = "t.status"

    def check(self, state: str, verb: str) -> None:
        """Raise `StepNotPossible`, naming what is possible, unless the verb may start from this state."""
        if state not in self.verbs[verb].origins:
            raise StepNotPossible(current=state, possible=self.possible(state))

    def possible(self, state: str) -> list[str]:
        """The verbs that may start from this state."""
        return [verb for verb, step in self.verbs.items() if state in step.origins]

    def actions_sql(self, permissions: frozenset[str]) -> str:
        """`actions` as SQL: what the state allows a caller with these permissions; the verb may still refuse."""
        states = sorted({state for step in self.verbs.values() for state in step.origins})
        cases = []
        for state in states:
            verbs = [v for v in self.possible(state) if self.verbs[v].permission in permissions]
            words = ",".join(f"'{v}'" for v in verbs)
            cases.append(f"WHEN '{state}' THEN ARRAY[{words}]::text[]")
        return f"CASE {self.column} {' '.join(cases)} ELSE ARRAY[]::text[] END"
