"""`make bench`: seeds, asks ours and the baselines in turn, and prints every figure with its target."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import checks, profiling
from benchmarks.checks import Check
from benchmarks.ground import HOME, ground
from benchmarks.measures import Measures, Plan, compare

VARIANTS = ("ours", "plain", "plain_async")
QUICK = Plan(rounds=2, seconds=1.0)
console = Console(width=118)


@dataclass(frozen=True)
class Target:
    """How many times cheaper ours is to be than the plain baseline: in throughput and in processor time."""

    name: str
    kind: str
    baseline_kind: str
    throughput: float
    cpu: float


TARGETS = (
    Target("GET one", "get", "get", 3.0, 2.3),
    Target("list of 50", "list", "list", 4.0, 4.0),
    Target("list of 50, baseline without its count", "list", "list without count", 3.0, 3.0),
    Target("POST", "post", "post", 1.3, 1.3),
)


def ratios(measured: Measures, baseline: str) -> Iterator[tuple[Target, float, float]]:
    """Per target, how many times ours is better than a baseline: throughput and processor time."""
    for target in TARGETS:
        ours, theirs = measured["ours", target.kind], measured[baseline, target.baseline_kind]
        yield target, ours.throughput / theirs.throughput, theirs.cpu_us / ours.cpu_us


def ratio_checks(measured: Measures) -> list[Check]:
    """The ratios against the plain baseline, each with its target."""
    found = []
    for target, throughput, cpu in ratios(measured, "plain"):
        found.append(Check(f"{target.name}: throughput", throughput, target.throughput, "x", is_least=True))
        found.append(Check(f"{target.name}: processor time", cpu, target.cpu, "x", is_least=True))
    return found


def measured_table(measured: Measures) -> Table:
    """What each kind of request cost each variant."""
    table = Table(title="Per request, median of the rounds; processor time in µs")
    for name in (
        "request",
        "variant",
        "per s",
        "p50 ms",
        "p99 ms",
        "API",
        "PostgreSQL",
        "together",
        "bytes",
        "statuses",
    ):
        table.add_column(name, justify="left" if name in ("request", "variant", "statuses") else "right")
    for (variant, kind), one in sorted(measured.items(), key=lambda item: (item[0][1], item[0][0])):
        figures = (one.throughput, one.p50_ms, one.p99_ms, one.api_us, one.database_us, one.cpu_us, one.answer_bytes)
        precisions = (0, 1, 1, 0, 0, 0, 0)
        words = [f"{value:,.{places}f}" for value, places in zip(figures, precisions, strict=True)]
        table.add_row(kind, variant, *words, ", ".join(f"{s}: {n:,}" for s, n in one.statuses.items()))
    return table


def checks_table(found: list[Check]) -> Table:
    """Every figure with its target."""
    table = Table(title="Targets")
    for name in ("figure", "measured", "target", ""):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for one in found:
        sign = "≥" if one.is_least else "≤"
        table.add_row(
            one.name,
            f"{one.value:,.2f} {one.unit}",
            f"{sign} {one.limit:g} {one.unit}",
            "ok" if one.is_met else "MISSED",
        )
    return table


def growth_table(grown: dict[int, tuple[Measures, list[Check]]]) -> Table:
    """How cost grows with the number of mentees."""
    table = Table(title="Growth: ours, from few to many mentees")
    table.add_column("figure")
    for mentees in grown:
        table.add_column(f"{mentees:,}", justify="right")
    for kind in ("get", "list", "post"):
        costs = (measured["ours", kind] for measured, _ in grown.values())
        table.add_row(
            f"{kind}: API + PostgreSQL, µs", *(f"{one.api_us:,.0f} + {one.database_us:,.0f}" for one in costs)
        )
    for number, check in enumerate(next(iter(grown.values()))[1]):
        values = (found[number] for _, found in grown.values())
        table.add_row(check.name, *(f"{one.value:,.2f} {one.unit}" for one in values))
    return table


def growth(sizes: list[int], plan: Plan, home: Path) -> dict[int, tuple[Measures, list[Check]]]:
    """Ours alone, on databases of several sizes."""
    grown = {}
    for mentees in sizes:
        with ground(mentees, home) as g:
            measured = compare(g, plan, "ours")
            grown[mentees] = (measured, checks.database_checks(g) + checks.http_checks(g, plan))
    return grown


def markdown(table: Table) -> str:
    """A table as docs/performance.md has it."""
    columns = [list(column.cells) for column in table.columns]
    lines = [[str(column.header) for column in table.columns], ["---"] * len(columns)]
    lines += [list(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def bench(
    rows: Annotated[int, typer.Option(help="Mentees; ten sessions and one PAM assessment for each.")] = 1_000_000,
    quick: Annotated[
        bool, typer.Option("--quick", help="A minute's worth: few rounds, 20,000 mentees at most.")
    ] = False,
    rounds: Annotated[int, typer.Option(help="How often each thing is measured; the median counts.")] = 3,
    seconds: Annotated[float, typer.Option(help="How long each time.")] = 8.0,
    requests: Annotated[int, typer.Option(help="Requests in the check of memory.")] = 100_000,
    grows: Annotated[bool, typer.Option("--growth", help="Also from 1,000 mentees up to `--rows`.")] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Only show where our time goes, by package.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the tables as docs/performance.md has them.")
    ] = False,
    home: Annotated[Path, typer.Option(help="Where the seeded data lie.")] = HOME,
) -> None:
    """Measure the service against the plain baseline on one server, and say which targets are missed."""
    plan = Plan(rounds, seconds)
    if quick:
        plan, rows, requests = QUICK, min(rows, 20_000), min(requests, 5_000)
    if profile:
        with ground(rows, home) as g:
            for table in profiling.by_package(g, plan):
                console.print(table)
        return
    with ground(rows, home) as g:
        measured = compare(g, plan, *VARIANTS)
        show(as_markdown, measured_table(measured), baseline_table(measured))
        found = ratio_checks(measured) + checks.database_checks(g) + checks.http_checks(g, plan)
        found += checks.memory_checks(g, plan, requests)
    found += checks.start_checks(home / str(rows))
    show(as_markdown, checks_table(found))
    _write(home / str(rows) / "results.json", measured, found)
    if grows:
        sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000) if size <= rows]
        show(as_markdown, growth_table(growth(sizes, plan, home)))


def show(as_markdown: bool, *tables: Table) -> None:
    """Print the tables, also as docs/performance.md has them where that is wanted."""
    for table in tables:
        console.print(table)
        if as_markdown:
            print(markdown(table))


def baseline_table(measured: Measures) -> Table:
    """The same ratios against both baselines."""
    table = Table(title="Ratios: throughput / processor time")
    for name in ("request", *VARIANTS[1:]):
        table.add_column(name, justify="left" if name == "request" else "right")
    rows = zip(*(ratios(measured, baseline) for baseline in VARIANTS[1:]), strict=True)
    for row in rows:
        table.add_row(row[0][0].name, *(f"{throughput:.1f} / {cpu:.1f}" for _, throughput, cpu in row))
    return table


def _write(path: Path, measured: Measures, found: list[Check]) -> None:
    costs = [{"variant": v, "request": k} | asdict(one) for (v, k), one in measured.items()]
    told = [asdict(check) | {"is_met": check.is_met} for check in found]
    path.write_text(json.dumps({"measures": costs, "checks": told}, indent=1))


if __name__ == "__main__":
    typer.run(bench)
