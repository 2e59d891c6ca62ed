"""The pages people wrote say what the code says: pictures, states, settings, commands, addresses and links."""

import json
import os
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from typer.testing import CliRunner, Result

from app import cli, installation
from app.core.errors import known_problems
from app.main import create_app
from app.settings import Settings
from scripts import generated_docs
from scripts.generated_docs import DOCS, PICTURES, ROOT
from tests.conftest import make_settings

WRITTEN = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
pages = pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(ROOT).as_posix())


@pytest.fixture(scope="module")
def documented(signing_key: str) -> set[str]:
    """Every operation there is, as `GET /v1/things/{}`; the sandbox's clock and the figures too."""
    app: FastAPI = create_app(make_settings(signing_key, clock_movable=True), installation.Addresses("", ""))
    return {
        f"{method} {re.sub(r'{[^}]*}', '{}', route.path)}"
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def code_of(page: Path) -> list[str]:
    """What stands in code on a page: lines of its blocks, and what is between backticks."""
    text = page.read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", rest)


def test_the_pictures_of_states_are_drawn_from_the_tables_of_steps() -> None:
    page = DOCS / "states.md"
    drawn = generated_docs.with_pictures(page.read_text())
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(drawn)
    assert page.read_text() == drawn, "UPDATE_DOCS=1 .venv/bin/pytest tests/docs draws them again"
    assert page.read_text().count("```mermaid") == len(PICTURES)


@pytest.mark.parametrize("thing", PICTURES)
def test_every_state_has_its_section(thing: str) -> None:
    _, states, _ = PICTURES[thing]
    part = re.split(r"^## ", (DOCS / "states.md").read_text(), flags=re.MULTILINE)
    section = next(p for p in part if p.lower().startswith(f"a {thing}"))
    described = re.findall(r"^### `(\w+)`: (.+)$", section, flags=re.MULTILINE)
    assert described == [(state.value, state.label) for state in states]


def test_every_setting_is_explained_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| .+ \|$", (DOCS / "operations.md").read_text(), flags=re.MULTILINE)
    assert dict(rows) == {_variable(name): _default(name) for name in Settings.model_fields}


def _variable(name: str) -> str:
    return name.upper() if name.startswith("database_") else f"PEER_SUPPORT_{name.upper()}"


def _default(name: str) -> str:
    value: Any = Settings.model_fields[name].default
    if value is None or value == ():
        return "not set"
    return f"`{json.dumps(value) if isinstance(value, bool) else value}`"


def test_the_values_a_setting_may_have_are_told() -> None:
    page = (DOCS / "operations.md").read_text()
    for name in ("environment", "replica_gone", "log_level"):
        row = next(line for line in page.splitlines() if line.startswith(f"| `{_variable(name)}`"))
        assert all(f"`{value}`" in row for value in get_args(Settings.model_fields[name].annotation))


@pytest.mark.parametrize("pins", ["requirements.txt", "requirements-traces.txt", "requirements-dev.txt"])
def test_the_pins_are_compiled_as_the_page_says(pins: str) -> None:
    command = (ROOT / pins).read_text().splitlines()[1].removeprefix("#").strip()
    assert f".venv/bin/{command}" in code_of(DOCS / "operations.md")


@pages
def test_every_command_named_exists(page: Path) -> None:
    for line in code_of(page):
        for words, options in re.findall(r"(?:^|[\s(]|bin/)peer-support((?: [a-z]+)+)((?: --[a-z-]+)*)", line):
            told = _help(words.split())
            assert told.exit_code == 0, f"peer-support{words}: {told.output}"
            assert all(option in told.output for option in options.split()), f"peer-support{words}{options}"


def _help(words: list[str]) -> Result:
    """The help of a command, its arguments left out."""
    wanted = words[: 2 if words[0] in ("account", "client") else 1]
    return CliRunner().invoke(cli.cli, [*wanted, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})


@pages
def test_every_address_named_exists(page: Path, documented: set[str]) -> None:
    for line in code_of(page):
        for method, path in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/[\w$./{}-]*)", line):
            named = re.sub(r"{[^}]*}", "{}", path)
            assert f"{method} {named}" in documented, f"{method} {path}"


@pages
def test_every_problem_named_exists(page: Path) -> None:
    known = {problem.slug() for problem in known_problems()}
    for line in code_of(page):
        assert set(re.findall(r"/problems/([a-z-]+)", line)) <= known


@pages
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)]+)\)", page.read_text()):
        path, _, heading = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not heading or heading in _headings(there), target


def _headings(page: Path) -> set[str]:
    lines = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", line).strip().lower().replace(" ", "-") for line in lines}


def test_the_readme_gives_the_commands_that_make_runs() -> None:
    made = _commands_of_make()
    readme = (ROOT / "README.md").read_text()
    plain = re.findall(r"^```sh\n(.*?)^```", readme, flags=re.DOTALL | re.MULTILINE)
    assert plain[0].split("\n")[:2] == ["make demo", "make test"]
    given = [line for block in plain[1:3] for line in block.splitlines()]
    assert len(given) == 6
    assert [line for line in given if line not in made] == []


def _commands_of_make() -> set[str]:
    """What the Makefile runs, its variables filled in and what only quietens it left out."""
    text = (ROOT / "Makefile").read_text()
    for name, value in {
        "$(PYTHON)": "python3",
        "$(BIN)": ".venv/bin",
        " -qq --disable-pip-version-check": "",
    }.items():
        text = text.replace(name, value)
    lines = [line.strip().removeprefix("@") for line in text.splitlines() if line.startswith("\t")]
    return {command.strip() for line in lines for command in line.split("||")}
