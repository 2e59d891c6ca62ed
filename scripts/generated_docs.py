"""Pages of docs/ that are made from the code and the database, so that they cannot tell of another service."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from sqlmodel import SQLModel

from app.access.permissions import CLIENT_SCOPES, GRANTS, SCOPES
from app.core.actor import Role
from app.core.codes import Code
from app.core.errors import known_problems
from app.core.steps import Steps
from app.matches.models import MatchStatus
from app.matches.service import STEPS as MATCH_STEPS
from app.mentees.models import MenteeStatus
from app.mentees.service import STEPS as MENTEE_STEPS
from app.referrals.models import ReferralStatus
from app.referrals.service import STEPS as REFERRAL_STEPS
from app.sessions.models import SessionStatus
from app.sessions.service import STEPS as SESSION_STEPS
from app.tables import metadata

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MADE = "<!-- Made by tests/docs; run `UPDATE_DOCS=1 .venv/bin/pytest tests/docs` to make it again. -->\n\n"


def routes_of(app: FastAPI) -> Iterator[APIRoute]:
    """Every documented operation; an app keeps its routers whole, so their routes are asked for."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            yield route


def permission_of(route: APIRoute) -> str | None:
    """The permission a route declares, or None where it declares none."""
    found = [
        dependency.call.permission  # type: ignore[union-attr]  # set by access.guards.allow
        for dependency in route.dependant.dependencies
        if hasattr(dependency.call, "permission")
    ]
    return str(found[0].value) if found else None


async def permissions(app: FastAPI, owner: Any, prefix: str) -> str:
    """docs/permissions.md: role by operation from the routes, role by table from pg_catalog."""
    lines = ["# Who may do what\n", MADE, *_operations(app), *_scopes()]
    lines += await _tables(owner, prefix)
    lines += await _policies(owner, prefix)
    lines += [*_beyond_rows(), *await _definers(owner)]
    return "\n".join(lines) + "\n"


def _operations(app: FastAPI) -> Iterator[str]:
    roles = [r for r in Role if GRANTS[r] and r is not Role.WORKER]
    yield "## Operations\n\nA role may call what its column marks; which rows it reaches, the tables below say.\n"
    yield "| operation | permission | " + " | ".join(r.value for r in roles) + " |"
    yield "|---|---|" + "---|" * len(roles)
    for route in sorted(routes_of(app), key=lambda r: (r.path, sorted(r.methods or ()))):
        needed = permission_of(route)
        marks = ["x" if needed and needed in {p.value for p in GRANTS[r]} else "" for r in roles]
        method = "/".join(sorted(route.methods or ()))
        yield f"| `{method} {route.path}` | {needed or 'none'} | " + " | ".join(marks) + " |"


def _scopes() -> Iterator[str]:
    yield "\n## Scopes of machine clients\n\nScopes narrow the client's role, never widen it.\n"
    yield "| scope | allows | roles that may hold it |\n|---|---|---|"
    for scope, allowed in SCOPES.items():
        roles = ", ".join(role.value for role, scopes in CLIENT_SCOPES.items() if scope in scopes)
        yield f"| `{scope}` | {', '.join(sorted(p.value for p in allowed))} | {roles} |"


async def _tables(owner: Any, prefix: str) -> list[str]:
    rows = await owner.fetch(
        "SELECT c.relname, r.rolname, p.privilege_type AS verb, NULL AS column FROM pg_class c "
        "CROSS JOIN LATERAL aclexplode(c.relacl) p JOIN pg_roles r ON r.oid = p.grantee "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND r.rolname LIKE $1 "
        "UNION ALL SELECT c.relname, r.rolname, p.privilege_type, a.attname FROM pg_attribute a "
        "JOIN pg_class c ON c.oid = a.attrelid CROSS JOIN LATERAL aclexplode(a.attacl) p "
        "JOIN pg_roles r ON r.oid = p.grantee WHERE c.relnamespace = 'public'::regnamespace AND r.rolname LIKE $1",
        prefix.replace("_", r"\_") + "%",
    )
    grants: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        role = row["rolname"].removeprefix(prefix)
        if role not in ("owner", "service", "api"):
            letter = row["verb"][0] + ("*" if row["column"] else "")
            grants[row["relname"]][role].add(letter)
    roles = [r.value for r in Role if r is not Role.SERVICE]
    lines = [
        "\n## Tables\n\nSelect, Insert, Update, Delete; `*`: some columns only. Row security is on for every table, so "
        "these are the most a role may touch; `service` reaches every row, inside a verb that says why.\n",
        "| table | " + " | ".join(roles) + " |",
        "|---|" + "---|" * len(roles),
    ]
    for table in sorted(metadata.tables):
        cells = ["".join(sorted(_letters(grants[table][role]), key="SIUD".find)) for role in roles]
        marked = [_starred(grants[table][role], cell) for role, cell in zip(roles, cells, strict=True)]
        lines.append(f"| `{table}` | " + " | ".join(marked) + " |")
    return lines


def _letters(found: set[str]) -> set[str]:
    return {letter[0] for letter in found}


def _starred(found: set[str], letters: str) -> str:
    return "".join(letter if letter in found else f"{letter}*" for letter in letters)


async def _policies(owner: Any, prefix: str) -> list[str]:
    rows = await owner.fetch(
        "SELECT tablename, policyname, roles::text[] AS roles, cmd, qual, with_check FROM pg_policies "
        "WHERE schemaname = 'public' AND policyname <> 'service' ORDER BY 1, 2"
    )
    lines = ["\n## Rows\n", "| table | policy | roles | for | reaches | may write |", "|---|---|---|---|---|---|"]
    for row in rows:
        roles = ", ".join(sorted(r.removeprefix(prefix) for r in row["roles"]))
        reach, check = (_one_line(row[part]) for part in ("qual", "with_check"))
        lines.append(
            f"| `{row['tablename']}` | {row['policyname']} | {roles} | {row['cmd'].lower()} | {reach} | {check} |"
        )
    return lines


def _one_line(sql: str | None) -> str:
    return "`" + " ".join(sql.split()).replace("|", "\\|") + "`" if sql else ""


def _beyond_rows() -> Iterator[str]:
    """Each use of `as_service` with the reason it gives, which must be written out where it is used."""
    yield "\n## Beyond the caller's rows\n"
    yield "Verbs that for a moment act as `service`; the audit keeps the true caller, and notes the reason.\n"
    yield "| file | function | reason |\n|---|---|---|"
    for path in sorted((ROOT / "app").rglob("*.py")):
        tree = ast.parse(path.read_text())
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for reason in _reasons(function):
                    yield f"| `{path.relative_to(ROOT).as_posix()}` | `{function.name}` | {reason} |"


def _reasons(function: ast.AST) -> Iterator[str]:
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "as_service":
            yield str(ast.literal_eval(call.args[1]))


async def _definers(owner: Any) -> list[str]:
    rows = await owner.fetch(
        "SELECT DISTINCT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace ORDER BY 1"
    )
    names = ", ".join(f"`{row['proname']}`" for row in rows)
    return [f"\nFunctions and triggers that run as the owner, each in the `functions.sql` of its slice: {names}."]


def data_dictionary() -> str:
    """docs/data-dictionary.md: every table and column, its type and what the class says of it."""
    from_table = {cls.__table__.name: cls for cls in _table_classes()}
    common = "Every table also has `created_at`, `updated_at`, `version`, `changed_xid`.\n"
    lines = ["# Data dictionary\n", MADE, common]
    for name, table in sorted(metadata.tables.items()):
        words = " ".join((from_table[name].__doc__ or "").split())
        lines += [f"## `{name}`\n", words + "\n", "| column | type | may be empty |", "|---|---|---|"]
        for column in table.columns:
            if column.name not in ("created_at", "updated_at", "version", "changed_xid"):
                lines.append(f"| `{column.name}` | {column.type!s} | {'yes' if column.nullable else ''} |")
        lines.append("")
    return "\n".join(lines)


def _table_classes(cls: type[Any] = SQLModel) -> Iterator[Any]:
    for child in cls.__subclasses__():
        if hasattr(child, "__table__"):
            yield child
        yield from _table_classes(child)


def problems() -> str:
    """docs/problems.md: every `type` a refusal may have."""
    kinds = {p.slug(): p for p in known_problems() if not p.__name__.startswith("_")}
    lines = ["# Problems\n", MADE, "| type | status | what it means |", "|---|---|---|"]
    lines += [f"| `/problems/{slug}` | {p.status} | {p.sentence()} |" for slug, p in sorted(kinds.items())]
    return "\n".join(lines) + "\n"


Arrow = tuple[str, str, str]
"""From a state to a state, and the words beside it."""

PICTURES: Mapping[str, tuple[Steps, type[Code], Sequence[Arrow]]] = {
    "referral": (REFERRAL_STEPS, ReferralStatus, [("[*]", "received", "receive")]),
    "mentee": (
        MENTEE_STEPS,
        MenteeStatus,
        [
            ("[*]", "waiting", "a referral is accepted"),
            ("waiting", "matched", "a match is confirmed"),
            ("matched", "waiting", "the match ends"),
            ("paused", "waiting", "resume"),
            ("paused", "matched", "resume"),
        ],
    ),
    "match": (MATCH_STEPS, MatchStatus, [("[*]", "proposed", "propose")]),
    "session": (
        SESSION_STEPS,
        SessionStatus,
        [
            ("[*]", "booked", "book"),
            ("[*]", "held", "record"),
            ("[*]", "did_not_attend", "record"),
            ("booked", "draft", "save a draft"),
            ("held", "did_not_attend", "correct"),
            ("did_not_attend", "held", "correct"),
        ],
    ),
}
"""What is drawn in docs/states.md: the table of steps, the states, and the ways that are no step of the table."""


def with_pictures(page: str) -> str:
    """The page with each picture between its markers drawn afresh."""
    for name, (steps, states, arrows) in PICTURES.items():
        before, begin, after = page.partition(f"<!-- picture: {name} -->\n")
        _, end, rest = after.partition("<!-- end of picture -->")
        page = before + begin + picture(steps, states, arrows) + "\n" + end + rest
    return page


def picture(steps: Steps, states: type[Code], arrows: Sequence[Arrow]) -> str:
    """A state table as a Mermaid diagram; a state that nothing leaves is an end."""
    moves = [(origin, step.to, verb) for verb, step in steps.verbs.items() if step.to for origin in step.origins]
    moves = [*arrows, *moves]
    left = {origin for origin, _, _ in moves}
    lines = ["```mermaid", "stateDiagram-v2", *(f"  {state.value}: {state.label}" for state in states)]
    lines += [f"  {origin} --> {to}: {words}" for origin, to, words in moves]
    lines += [f"  {state.value} --> [*]" for state in states if state.value not in left]
    return "\n".join([*lines, "```"])
