"""The pages made from code and database are as code and database are now."""

import os
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from app.tables import metadata
from scripts import generated_docs
from tests.conftest import PREFIX

pytestmark = pytest.mark.anyio
AUDIT_ITSELF = {"audit_entries", "history", "tombstones"}
OPEN_TO_ALL = {
    "/health/live",
    "/health/ready",
    "/problems",
    "/problems/{kind}",
    "/v1/terms",
    "/v1/auth/token",
    "/v1/auth/password",
    "/oauth2/token",
    "/.well-known/jwks.json",
    "/.well-known/smart-configuration",
    "/fhir/R4/metadata",
}
SIGNED_IN_SUFFICES = {"/v1/auth/logout", "/v1/auth/switch-role"}


def _compare(name: str, made: str) -> None:
    page: Path = generated_docs.DOCS / name
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(made)
    assert page.read_text() == made, f"docs/{name} is not as the code: UPDATE_DOCS=1 .venv/bin/pytest tests/docs"


async def test_the_page_of_permissions_is_what_routes_and_catalogue_say(app: FastAPI, owner: Any) -> None:
    _compare("permissions.md", await generated_docs.permissions(app, owner, PREFIX))


def test_the_data_dictionary_is_what_the_tables_are() -> None:
    _compare("data-dictionary.md", generated_docs.data_dictionary())


def test_every_problem_has_its_line() -> None:
    _compare("problems.md", generated_docs.problems())


def test_every_route_declares_its_permission_or_is_known_to_be_open(app: FastAPI) -> None:
    bare = {r.path for r in generated_docs.routes_of(app) if generated_docs.permission_of(r) is None}
    assert bare <= OPEN_TO_ALL | SIGNED_IN_SUFFICES


async def test_every_table_has_row_security_and_a_policy_besides_the_services(owner: Any) -> None:
    secured = {r[0] for r in await owner.fetch("SELECT relname FROM pg_class WHERE relrowsecurity")}
    assert set(metadata.tables) <= secured
    named = {r[0] for r in await owner.fetch("SELECT tablename FROM pg_policies WHERE policyname <> 'service'")}
    assert set(metadata.tables) - named - AUDIT_ITSELF == WITHOUT_A_ROLE


WITHOUT_A_ROLE = {"access_caseloads"}
"""Written and read by the service and by functions only."""


async def test_no_role_of_the_service_owns_bypasses_or_inherits(owner: Any) -> None:
    rows = await owner.fetch(
        "SELECT rolname, rolsuper, rolbypassrls, rolinherit, rolcanlogin FROM pg_roles WHERE rolname LIKE $1",
        PREFIX.replace("_", r"\_") + "%",
    )
    assert rows
    for row in rows:
        assert not row["rolsuper"], row["rolname"]
        assert not row["rolbypassrls"], row["rolname"]
        if row["rolname"] == f"{PREFIX}api":
            assert not row["rolinherit"]


async def test_every_view_asks_as_its_caller(owner: Any) -> None:
    views = await owner.fetch(
        "SELECT relname, reloptions FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
    )
    assert [v["relname"] for v in views if "security_invoker=true" not in (v["reloptions"] or [])] == []
