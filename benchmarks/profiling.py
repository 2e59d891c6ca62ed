"""Where our microseconds go: which package was found at work when the API process was looked at, again and again."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.table import Table

from app import installation
from benchmarks.ground import Ground, api, server
from benchmarks.measures import Measure, Plan, measure, orders

SHOWN = 25


def by_package(ground: Ground, plan: Plan) -> Iterator[Table]:
    """One table per kind of request.

    The process is looked at after each millisecond or so of its processor time; work in C counts for the Python
    code that called it, or comes next. So the shares are rough, and nothing is slowed down by measuring.
    """
    for kind in ("get", "list", "post"):
        path = ground.home / f"{kind}.samples"
        command = server("ours", str(path))
        with api(command, ground.environment, "/health/ready", ground.home / "profile.log") as served:
            order = orders(ground, "ours", served.port, plan)[kind]
            measured = measure(ground, served, replace(order, seconds=plan.seconds * 3))
        yield table(kind, samples(path), measured)


def samples(path: Path) -> Counter[str]:
    """How often each package was found at work."""
    found: Counter[str] = Counter()
    for file, count in json.loads(path.read_text()).items():
        found[package_of(file)] += count
    return found


def package_of(file: str) -> str:
    """`app.core.reading` for a file of ours, the name of an installed package, or `Python: json`."""
    path = Path(file)
    if path.is_relative_to(installation.ROOT / "app"):
        return ".".join(path.relative_to(installation.ROOT).with_suffix("").parts)
    installed = re.search(r"site-packages/([^/.]+)", file)
    if installed:
        return installed[1]
    library = re.search(r"lib/python[0-9.]+/([^/.]+)", file)
    return f"Python: {library[1]}" if library else "Python itself"


def table(kind: str, found: Counter[str], measured: Measure) -> Table:
    """The dearest packages, in microseconds of processor time per request."""
    total = found.total()
    title = f"{kind}: {measured.api_us:,.0f} µs in the API process, by package ({total:,} samples)"
    made = Table(title=title, min_width=70)
    for name in ("package", "µs", "share"):
        made.add_column(name, justify="left" if name == "package" else "right")
    for package, count in found.most_common(SHOWN):
        made.add_row(package, f"{count / total * measured.api_us:,.0f}", f"{count / total:.0%}")
    return made
