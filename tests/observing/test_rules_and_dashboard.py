"""The alert rules and the dashboard speak of figures that there are, in words, and lead to what is to be done."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI

from app import installation, worker
from app.core.database import Database
from app.observing.figures import Observatory
from app.screens.shapes import DueKind
from app.settings import Settings
from scripts.generated_docs import DOCS
from tests.observing.scraping import samples, scrape

pytestmark = pytest.mark.anyio
ALERTS, DASHBOARD = DOCS / "observing" / "alerts.yaml", DOCS / "observing" / "dashboard.json"
FROM_ELSEWHERE = {
    "up",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "probe_ssl_earliest_cert_expiry",
}
WORDS_OF_PROMQL = {"absent", "and", "by", "histogram_quantile", "increase", "max", "min", "min_over_time", "on", "or"}
WORDS_OF_PROMQL |= {"rate", "sum", "time", "topk", "unless", "avg"}
NAMES_OF_LABELS = r"\b(?:by|on)\s*\(([^)]*)\)"
PAIRS = re.compile(r"(\w+)\s*[=!]~?\s*\"([^\"]*)\"")
SELECTED = re.compile(r"(\w+)\{([^}]*)\}")


def _rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def _panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def _expressions() -> dict[str, str]:
    """What is asked of Prometheus, by where it is asked."""
    found = {rule["alert"]: rule["expr"] for rule in _rules()}
    return found | {f"{p['title']} {t['refId']}": t["expr"] for p in _panels() for t in p["targets"]}


def _names(expression: str) -> set[str]:
    """The figures named in it."""
    rest = re.sub(NAMES_OF_LABELS, "", re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"", "", expression))
    return set(re.findall(r"\b[a-z_]+[a-z]\b", re.sub(r"\b\d[\de.]*", "", rest))) - WORDS_OF_PROMQL


async def _told(app: FastAPI, http: httpx.AsyncClient, seen: Observatory) -> dict[str, set[str]]:
    """Every figure that is given, with the names of its labels."""
    before, app.state.observatory = app.state.observatory, seen
    try:
        async with seen.open():
            await http.get("/health/live")
            text = await scrape(http)
    finally:
        app.state.observatory = before
    return {sample.name: set(sample.labels) | {"le"} for sample in samples(text)}


async def test_every_figure_asked_for_is_given_with_the_labels_asked_for_and_every_one_given_is_asked_for(
    app: FastAPI,
    http: httpx.AsyncClient,
    settings: Settings,
    addresses: installation.Addresses,
    owner: Any,
    tmp_path: Path,
) -> None:
    tried = {"at": "2026-03-02T05:00:00Z", "backup": "x", "restored": True, "words": ""}
    (tmp_path / "drill.json").write_text(json.dumps(tried))
    await owner.execute(
        "INSERT INTO jobs (id, created_at, name, every_seconds, due_at) "
        "VALUES (gen_random_uuid(), now(), 'x', 60, now())"
    )
    whole = settings.model_copy(update={"backup_dir": tmp_path})
    try:
        told = await _told(app, http, Observatory(whole, addresses.login, addresses.login))
    finally:
        await owner.execute("DELETE FROM jobs WHERE name = 'x'")
    asked = set()
    for where, expression in _expressions().items():
        names = _names(expression)
        assert names, where
        assert names <= told.keys() | FROM_ELSEWHERE, where
        labels = {label for name in names & told.keys() for label in told[name]} | {"job", "instance"}
        listed = {one.strip() for part in re.findall(NAMES_OF_LABELS, expression) for one in part.split(",")} - {""}
        assert listed <= labels, where
        for name, selector in SELECTED.findall(expression):
            chosen = {label for label, _ in PAIRS.findall(selector)}
            assert chosen <= told.get(name, labels | {"fstype"}) | {"job"}, (where, name)
        asked |= names
    assert {name for name in told if name.startswith("peer_support_")} <= asked


def test_every_value_of_a_label_asked_for_can_be_there(app: FastAPI, settings: Settings) -> None:
    nowhere = Database(settings, "")
    jobs = {job.name for job in worker.jobs(nowhere, settings, installation.Addresses("", ""))}
    routes = [getattr(route, "path", "") for route in app.routes]
    known = {
        "name": jobs,
        "kind": {kind.value for kind in DueKind},
        "part": {"database", "jobs", "standing", "backups", "replica"},
        "route": set(routes),
    }
    for where, expression in _expressions().items():
        for _, selector in SELECTED.findall(expression):
            for label, values in PAIRS.findall(selector):
                for value in values.split("|") if label in known else ():
                    assert any(re.fullmatch(value, there) for there in known[label]), (where, value)


def test_every_kind_of_thing_that_may_wait_too_long_has_its_alert() -> None:
    team = " ".join(rule["expr"] for rule in _rules() if rule["labels"]["severity"] == "team")
    assert [kind.value for kind in DueKind if not re.search(rf"\b{kind.value}\b", team)] == []


def test_every_alert_says_in_words_what_is_the_matter_and_where_to_read_what_to_do() -> None:
    rules = _rules()
    assert len({rule["alert"] for rule in rules}) == len(rules) > 20
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "look", "team"), rule
        assert re.fullmatch(r"\d+[mhd]", rule["for"]), rule
        assert rule["expr"].count("(") == rule["expr"].count(")"), rule
        summary = rule["annotations"]["summary"]
        assert summary[0].isupper(), rule
        assert summary.endswith("."), rule
        page, heading = rule["annotations"]["runbook"].split("#")
        assert heading in _headings(DOCS.parent / page), rule


def test_the_dashboard_can_be_loaded_as_it_is() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    assert dashboard["templating"]["list"][0]["name"] == "source"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in _panels():
        assert panel["title"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${source}"}, panel["title"]


def _headings(page: Path) -> set[str]:
    lines = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", line).strip().lower().replace(" ", "-") for line in lines}
