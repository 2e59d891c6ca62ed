"""Twice as many requests as the service can answer, for a minute: it must bend, not break, and be well afterwards."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import load
from benchmarks.checks import Check
from benchmarks.ground import HOME, Ground, api, ground, peer_support
from benchmarks.load import Happened, Order
from benchmarks.measures import Plan, orders
from benchmarks.run import checks_table

CONNECTIONS = 2_000
"""The most callers at once."""
console = Console(width=118)


def under_overload(ground: Ground, order: Order, seconds: float, factor: float) -> tuple[list[Check], Happened]:
    """Measure alone, at saturation, at so many times that, and at saturation again."""
    calm_seconds = max(2.0, seconds / 6)
    load.in_own_process(replace(order, seconds=calm_seconds))
    before = load.in_own_process(replace(order, connections=8, seconds=calm_seconds))
    tenth = replace(order, connections=64, seconds=max(calm_seconds, seconds / 2), rate=before.throughput / 10)
    calm = load.in_own_process(tenth)
    flood = replace(order, connections=CONNECTIONS, seconds=seconds, rate=before.throughput * factor)
    during = load.in_own_process(flood)
    after = load.in_own_process(replace(order, connections=8, seconds=calm_seconds))
    _tell(ground, {"saturation": before, "calm (a tenth)": calm, f"{factor:g} x saturation": during, "after": after})
    broken = sum(n for status, n in during.statuses.items() if status in ("500", "502", "lost"))
    return [
        Check("answers 500 or none", broken, 0, ""),
        Check("p99 of what is answered against a calm p99", during.p99_ms / calm.p99_ms, 3.0, "x"),
        Check("answered per second against saturation", during.throughput / before.throughput, 0.8, "x", is_least=True),
        Check("speed afterwards against before", after.throughput / before.throughput, 0.9, "x", is_least=True),
    ], during


def _tell(ground: Ground, phases: dict[str, Happened]) -> None:
    console.print(f"{ground.seeded.mentees:,} mentees")
    for name, one in phases.items():
        console.print(
            f"{name:20} {one.throughput:7,.0f} answered per s   p50 {one.p50_ms:7.1f} ms   p99 {one.p99_ms:7.1f} ms   "
            + ", ".join(f"{status}: {count:,}" for status, count in sorted(one.statuses.items()))
        )


def overload(
    rows: Annotated[int, typer.Option(help="Mentees.")] = 20_000,
    seconds: Annotated[float, typer.Option(help="How long it lasts.")] = 60.0,
    factor: Annotated[float, typer.Option(help="Times what the service can answer.")] = 2.0,
    kind: Annotated[str, typer.Option(help="get, list, post or mixed.")] = "mixed",
    processes: Annotated[int, typer.Option(help="API processes.")] = 1,
    home: Annotated[Path, typer.Option(help="Where the seeded data lie.")] = HOME,
) -> None:
    """Show what `peer-support serve` does under overload."""
    with ground(rows, home) as g:
        serve = peer_support("serve", "--port", "{port}", "--processes", str(processes))
        with api(serve, g.environment, "/health/ready", g.home / "overload.log") as served:
            order = orders(g, "ours", served.port, Plan())[kind]
            found, _ = under_overload(g, order, seconds, factor)
    console.print(checks_table(found))


if __name__ == "__main__":
    typer.run(overload)
