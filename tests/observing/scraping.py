"""What a monitoring system reads, as a test asks for it."""

from collections.abc import Iterator
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families


def samples(text: str) -> Iterator[Any]:
    """Every sample of an answer of GET /metrics: `name`, `labels`, `value`."""
    for family in text_string_to_metric_families(text):
        yield from family.samples


def value(text: str, name: str, /, **labels: str) -> float | None:
    """The one sample of this name with these labels (others may be there too); None where there is none."""
    found = [s.value for s in samples(text) if s.name == name and labels.items() <= s.labels.items()]
    assert len(found) <= 1, f"{name} {labels} is not one figure"
    return float(found[0]) if found else None


def total(text: str, name: str, /, **labels: str) -> float:
    """The sum of all samples of this name with these labels."""
    return sum(float(s.value) for s in samples(text) if s.name == name and labels.items() <= s.labels.items())


async def scrape(http: httpx.AsyncClient, **headers: str) -> str:
    """One look at GET /metrics."""
    answer = await http.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text
