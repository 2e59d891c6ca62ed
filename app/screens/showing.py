"""Screens that gather several kinds of rows in one answer, and note each of them as read."""

from app.core.database import Reader
from app.core.errors import NotFound
from app.core.models import Outbound


async def show(db: Reader, shape: type[Outbound], parts: str, *values: object) -> bytes:
    """The screen as JSON bytes, else `NotFound` where there is none.

    `parts` are CTEs over `$n` parameters, the last of them `answer (body json, ids uuid[])`: what is shown, and
    the ids of all rows in it, which the same statement writes to the read-audit.
    """
    sql = (
        f"WITH {parts}, seen AS (INSERT INTO audit_reads (shape, ids) "
        f"SELECT ${len(values) + 1}, ids FROM answer WHERE cardinality(ids) > 0) SELECT body::text FROM answer"
    )
    rows = await db.fetch(sql, *values, shape.__name__)
    if not rows:
        raise NotFound()
    body: str = rows[0]["body"]
    return body.encode()
