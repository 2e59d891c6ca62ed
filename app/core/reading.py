"""The way rows leave as JSON: PostgreSQL builds it, and the statement that reads also notes what was read."""

import base64
import binascii
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel

from app.core.actor import Role
from app.core.database import Db, actor_of, fetch
from app.core.errors import CursorNotValid, FieldError, NotFound, NotValid
from app.core.steps import Steps

S = TypeVar("S", bound=BaseModel)
Where = Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class Key:
    """One column of a list's order: its name in the shape's rows, SQL expression and PostgreSQL type."""

    sql: str
    type: str


BY_PROGRAMME: Mapping[Role, tuple[str, str]] = {Role.COORDINATOR: ("my_programmes()", "t.programme_id")}
"""How a coordinator's lists are walked."""
BY_ORGANISATION: Mapping[Role, tuple[str, str]] = {Role.REFERRER: ("my_organisations()", "t.organisation_id")}
"""How a practice's lists are walked."""


@dataclass(frozen=True)
class Source(Generic[S]):
    """Where a shape's rows come from.

    `rows` is a FROM clause whose main row is `t`. Each field of `shape` is `t.<field>` unless `fields` says
    otherwise; those in `includes` are left out unless asked for by `?include=`. `keys` is the order of its
    list, unique at the end. `personal` shapes are written to the read-audit with the ids in `t.id`. `walks` names
    by role what a list is walked by: an SQL function of the few things the caller reaches, and the column of `t`
    that holds them.
    """

    shape: type[S]
    rows: str
    fields: Mapping[str, str] = field(default_factory=dict)
    includes: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[Key, ...] = (Key("t.id", "uuid"),)
    newest_first: bool = True
    personal: bool = True
    steps: Steps | None = None
    walks: Mapping[Role, tuple[str, str]] = field(default_factory=dict)
    _known: dict[tuple[frozenset[str], tuple[str, ...]], str] = field(default_factory=dict, repr=False, compare=False)
    """Select lists by permissions and what is included: as many as there are kinds of callers."""

    def columns(self, db: Db, include: Sequence[str]) -> str:
        """The select list: every field of the shape, plus what was asked to be included."""
        asked = (actor_of(db).permissions, tuple(sorted(set(include))))  # however often and in whatever order
        if asked not in self._known:
            self._known[asked] = ", ".join(self._parts(*asked))
        return self._known[asked]

    def _parts(self, permissions: frozenset[str], include: Sequence[str]) -> Iterator[str]:
        for name in self.shape.model_fields:
            if name in self.includes:
                if name in include:
                    yield f'({self.includes[name]}) AS "{name}"'
            elif name == "actions" and self.steps is not None:
                yield f'{self.steps.actions_sql(permissions)} AS "actions"'
            else:
                yield f'{self.fields.get(name, "t." + name)} AS "{name}"'


@dataclass(frozen=True)
class Found:
    """One thing as JSON bytes, with the version its ETag names."""

    body: bytes
    version: int


@dataclass(frozen=True)
class Page:
    """One page of a list: the items as JSON bytes, the cursor of the next page, the total if asked for."""

    body: bytes
    next: str | None


def checked_include(source: Source[Any], include: str | None) -> list[str]:
    """The names in `?include=`, each one that this shape offers; `total` is a list's own."""
    names = [n for n in (include or "").split(",") if n]
    offered = [*source.includes, "total"]
    if any(n not in offered for n in names):
        words = "This can be included: " + ", ".join(offered) + "."
        raise NotValid(errors=[FieldError("query:include", "include_unknown", words)])
    return names


def _audited(source: Source[Any], db: Db) -> bool:
    """Every showing of a person to somebody signed in, by a verb too; not to a job, and not in a report."""
    unsigned = actor_of(db).role in (Role.GATE, Role.WORKER)
    return source.personal and not unsigned and not {"as_of", "as_service"} & db.info.keys()


def _seen(position: int, chosen: str) -> str:
    return (
        f", seen AS (INSERT INTO audit_reads (shape, ids) SELECT ${position}, array_agg(id) "
        f"FROM ({chosen}) chosen HAVING count(*) > 0)"
    )


async def one(db: Db, source: Source[Any], condition: str, *values: Any, include: Sequence[str] = ()) -> Found:
    """The one row that meets the condition (over `t`, `$n` parameters), else `NotFound`.

    What is personal is noted in the read-audit by the same statement, also when a verb answers with it.
    """
    version = "t.version" if "version" in source.shape.model_fields else "1"
    audited = _audited(source, db)
    sql = (
        f"WITH found AS MATERIALIZED (SELECT t.id AS id, {version} AS version, "
        f"(SELECT row_to_json(x)::text FROM (SELECT {source.columns(db, include)}) x) AS body "
        f"FROM {source.rows} WHERE {condition})"
        f"{_seen(len(values) + 1, 'SELECT id FROM found') if audited else ''} SELECT version, body FROM found"
    )
    names = (source.shape.__name__,) if audited else ()
    rows = await fetch(db, sql, *values, *names)
    if not rows:
        raise NotFound()
    return Found(body=rows[0]["body"].encode(), version=rows[0]["version"])


@dataclass(frozen=True)
class Paging:
    """What a caller asked of a list: how many (1–200), from where, and what else to include."""

    limit: int = 50
    cursor: str | None = None
    include: str | None = None


async def page(db: Db, source: Source[Any], where: Where, paging: Paging, *, secret: bytes) -> Page:
    """One keyset page, oldest or newest first as the source says; no offset, no count unless asked for.

    `where` is a sequence of (SQL over `t` with `{}` for the value, value). The cursor is signed and tied to
    the list and its filters: one made elsewhere raises `CursorNotValid`.
    """
    include = checked_include(source, paging.include)
    conditions, values = _conditions(where)
    scope = f"{source.shape.__name__}|{conditions}|{values!r}"
    total_values, total_condition = list(values), " AND ".join(conditions) or "true"
    if paging.cursor:
        last = _open_cursor(paging.cursor, scope, secret)
        if len(last) != len(source.keys):
            raise CursorNotValid()
        marks = []
        for key, value in zip(source.keys, last, strict=True):
            values.append(value)
            marks.append(f"${len(values)}::text::{key.type}")
        sign = "<" if source.newest_first else ">"
        conditions.append(f"({', '.join(k.sql for k in source.keys)}) {sign} ({', '.join(marks)})")
    rows = await _fetch_page(db, source, conditions, values, paging.limit, include)
    following = None
    if len(rows) > paging.limit:
        rows = rows[: paging.limit]
        following = _make_cursor([rows[-1][f"k{n}"] for n in range(len(source.keys))], scope, secret)
    body = b'{"items":[' + b",".join(r["body"].encode() for r in rows) + b"]"
    body += b',"next":' + orjson.dumps(following)
    if "total" in include:
        count = await fetch(db, f"SELECT count(*) FROM {source.rows} WHERE {total_condition}", *total_values)
        body += b',"total":' + str(count[0][0]).encode()
    return Page(body=body + b"}", next=following)


def _conditions(where: Where) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    for condition, value in where:
        if "{}" in condition:
            values.append(value)
            condition = condition.replace("{}", f"${len(values)}")
        conditions.append(condition)
    return conditions, values


async def _fetch_page(
    db: Db, source: Source[Any], conditions: list[str], values: list[Any], limit: int, include: list[str]
) -> list[Any]:
    direction = "DESC" if source.newest_first else "ASC"
    order = ", ".join(f"{k.sql} {direction}" for k in source.keys)
    found_order = ", ".join(f"s{n} {direction}" for n in range(len(source.keys)))
    keys = ", ".join(f"{k.sql} AS s{n}" for n, k in enumerate(source.keys))
    texts = ", ".join(f"s{n}::text AS k{n}" for n in range(len(source.keys)))
    # the limit is written in: for one that is a parameter PostgreSQL would plan each page anew
    # one row more than asked for tells whether there is a next page; it is not shown, so not noted as read
    shown = f"SELECT id FROM found ORDER BY {found_order} LIMIT {limit}"
    audited = _audited(source, db)
    names = (source.shape.__name__,) if audited else ()
    chosen = (
        f"SELECT t.id AS id, {keys}, "
        f"(SELECT row_to_json(x)::text FROM (SELECT {source.columns(db, include)}) x) AS body "
        f"FROM {source.rows} WHERE {' AND '.join(conditions) or 'true'} "
    )
    last = f"ORDER BY {{}} LIMIT {limit + 1}"
    walk = source.walks.get(actor_of(db).role)
    if walk is None or any(condition.startswith(f"{walk[1]} = ") for condition in conditions):
        chosen += last.format(order)
    else:
        # The page of each thing the caller reaches, each from its own index, and of these the first: one scan in
        # the list's order would pass everybody's rows to find those of a small programme or practice.
        mine = f"(SELECT DISTINCT {walk[0]} AS id) mine"
        chosen = (
            f"SELECT one.* FROM {mine} CROSS JOIN LATERAL ({chosen}AND {walk[1]} = mine.id {last.format(order)}) one "
        )
        chosen += last.format(found_order)
    sql = (
        f"WITH found AS MATERIALIZED ({chosen})"
        f"{_seen(len(values) + 1, shown) if audited else ''} "
        f"SELECT {texts}, body FROM found ORDER BY {found_order}"
    )
    return await fetch(db, sql, *values, *names)


def _make_cursor(keys: list[str], scope: str, secret: bytes) -> str:
    """Sealed, not only signed: a cursor stands in addresses, and a list by name would carry names there."""
    nonce = os.urandom(12)
    return _spelled(nonce + AESGCM(secret).encrypt(nonce, orjson.dumps(keys), scope.encode()))


def _spelled(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _open_cursor(cursor: str, scope: str, secret: bytes) -> list[str]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if _spelled(raw) != cursor:  # the last letter has spare bits: only one spelling is the one we gave
            raise CursorNotValid
        keys: list[str] = orjson.loads(AESGCM(secret).decrypt(raw[:12], raw[12:], scope.encode()))
    except (binascii.Error, ValueError, InvalidTag) as error:
        raise CursorNotValid() from error
    return keys


async def link_to(db: Db, sql: str, *values: Any) -> UUID | None:
    """The id that a refusal links to, where the caller may see it."""
    rows = await fetch(db, sql, *values)
    return rows[0][0] if rows else None
