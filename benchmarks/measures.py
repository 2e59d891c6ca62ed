"""Ours and the baselines asked the same things in turn, A B A B, on one server; and what each answer cost."""

import json
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from benchmarks import cpu, load
from benchmarks.ground import Api, Ground, api, server
from benchmarks.load import Order

ROOTS = {"ours": "/v1", "plain": "", "plain_async": ""}
HEALTH = {"ours": "/health/ready", "plain": "/docs", "plain_async": "/docs"}


@dataclass(frozen=True)
class Measure:
    """What one kind of request cost one variant, as the median of all rounds; microseconds of processor time."""

    throughput: float
    p50_ms: float
    p99_ms: float
    api_us: float
    database_us: float
    requests: int
    statuses: dict[str, int]
    answer_bytes: int

    @property
    def cpu_us(self) -> float:
        """Application and PostgreSQL together, per request."""
        return self.api_us + self.database_us


Measures = dict[tuple[str, str], Measure]
"""By variant and kind of request."""


@dataclass(frozen=True)
class Plan:
    """How long and how often each thing is measured."""

    rounds: int = 3
    seconds: float = 8.0
    connections: int = 8


def orders(ground: Ground, variant: str, port: int, plan: Plan) -> dict[str, Order]:
    """The kinds of request, as this variant is asked them; the baseline's list also without its count."""
    seeded = ground.seeded
    root = ROOTS[variant]
    is_ours = variant == "ours"
    token_of = ground.token if is_ours else ground.plain_token
    coordinator = Order(port, token_of(seeded.coordinator), (), connections=plan.connections, seconds=plan.seconds)
    given = {
        "get": replace(coordinator, asked=tuple(f"GET {root}/mentees/{one}" for one in seeded.mentee_ids)),
        "list": replace(coordinator, asked=(f"GET {root}/mentees?limit=50",)),
        "post": replace(
            coordinator,
            token=token_of(seeded.referrer),
            asked=(f"POST {root}/referrals",),
            body=referral(ground),
            is_keyed=is_ours,
        ),
    }
    if is_ours:
        given["mixed"] = mixed(given, coordinator.token)
    else:
        given["list without count"] = replace(coordinator, asked=(f"GET {root}/mentees?limit=50&count=false",))
    return given


def mixed(given: dict[str, Order], token: str) -> Order:
    """A coordinator's day: of ten requests eight read one mentee, one lists, and one writes a referral down."""
    reads, writes = given["get"].asked, given["post"].asked
    turns = (
        turn
        for number in range(0, len(reads), 8)
        for turn in (*reads[number : number + 8], *given["list"].asked, *writes)
    )
    return replace(given["post"], token=token, asked=tuple(turns))


def referral(ground: Ground) -> str:
    """The body of a referral, of another person each time (`Order`)."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    return json.dumps(
        {
            "programme_id": str(ground.seeded.programme_id),
            "source": "nurse",
            "referrer": {"name": "Robin Okafor", "role": "Practice nurse"},
            "made_on": yesterday,
            "reasons": ["newly_diagnosed"],
            "clinical_reason": "Diagnosed in January; finds the advice on food hard to follow.",
            "barriers": ["food_knowledge"],
            "consent": {"is_given": True, "given_on": yesterday, "method": "in_person"},
            "person": {
                "given_name": "Given NHS-NUMBER",
                "family_name": "Family NHS-NUMBER",
                "nhs_number": "NHS-NUMBER",
                "birth_date": "1961-04-09",
                "stated_gender": "2",
                "ethnic_category": "A",
                "language": "en",
                "postcode": "BS1 4DJ",
                "phone": "07700 900123",
                "communication_needs": ["large_print"],
            },
            "facts": {"condition": "type_2_diabetes"},
        }
    )


@contextmanager
def serving(ground: Ground, *variants: str) -> Iterator[dict[str, Api]]:
    """One API process of each variant, on the same database server."""
    with ExitStack() as stack:
        yield {
            variant: stack.enter_context(
                api(server(variant), ground.environment, HEALTH[variant], ground.home / f"{variant}.log")
            )
            for variant in variants
        }


def compare(ground: Ground, plan: Plan, *variants: str) -> Measures:
    """Every kind of request to every variant in turn, for so many rounds; the first round is preceded by a warming."""
    taken: dict[tuple[str, str], list[Measure]] = {}
    with serving(ground, *variants) as apis:
        asked = {variant: orders(ground, variant, apis[variant].port, plan) for variant in variants}
        for variant in variants:
            for order in asked[variant].values():
                load.in_own_process(replace(order, seconds=2.0, count=200))
        for _ in range(plan.rounds):
            for kind in ("get", "list", "list without count", "post"):
                for variant in variants:
                    if kind in asked[variant]:
                        one = measure(ground, apis[variant], asked[variant][kind])
                        taken.setdefault((variant, kind), []).append(one)
    return {key: median(several) for key, several in taken.items()}


def measure(ground: Ground, served: Api, order: Order) -> Measure:
    """One order carried out, with the processor time it took."""
    postmaster = cpu.postmaster_pid(ground.data)
    before = cpu.spent(served.pid, postmaster)
    happened = load.in_own_process(order)
    used = cpu.spent(served.pid, postmaster) - before
    requests = happened.good
    if not requests:
        raise RuntimeError(f"No good answer to {order.asked[0]}: {happened.statuses}")
    return Measure(
        throughput=happened.throughput,
        p50_ms=happened.p50_ms,
        p99_ms=happened.p99_ms,
        api_us=used.api / requests * 1e6,
        database_us=used.database / requests * 1e6,
        requests=happened.requests,
        statuses=happened.statuses,
        answer_bytes=happened.answer_bytes,
    )


def median(several: list[Measure]) -> Measure:
    """The median of each figure; requests and statuses added up."""
    statuses: dict[str, int] = {}
    for one in several:
        for status, count in one.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    return Measure(
        throughput=statistics.median(one.throughput for one in several),
        p50_ms=statistics.median(one.p50_ms for one in several),
        p99_ms=statistics.median(one.p99_ms for one in several),
        api_us=statistics.median(one.api_us for one in several),
        database_us=statistics.median(one.database_us for one in several),
        requests=sum(one.requests for one in several),
        statuses=statuses,
        answer_bytes=several[-1].answer_bytes,
    )
