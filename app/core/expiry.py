"""Clearing away what has expired, a little at a time, so that nobody waits behind the broom."""

from collections.abc import Mapping

from app.core.actor import job
from app.core.database import Database, as_service, fetch
from app.core.identity import origin

BATCH = 1000

ANSWERS = {"idempotent_answers": "t.expires_at <= clock_timestamp()"}
"""Stored answers: their callers clear them as well, but those who never come back leave some behind."""

# Past rows that somebody else holds at the moment: they are there the next time.
CLEAR = """
WITH gone AS (DELETE FROM {table} WHERE id IN
  (SELECT t.id FROM {table} t WHERE {condition} LIMIT {batch} FOR UPDATE OF t SKIP LOCKED) RETURNING 1)
SELECT count(*) AS count FROM gone"""


async def clear(database: Database, name: str, rules: Mapping[str, str], *, batch: int = BATCH) -> int:
    """Every row that meets its table's condition is gone; how many that were.

    `rules` is table → SQL condition on `t`, in the order in which tables are cleared. One transaction for each
    `batch` rows, by the job `name`; those before it stay done when a later one fails.
    """
    total = 0
    for table, condition in rules.items():
        sql = CLEAR.format(table=table, condition=condition, batch=batch)
        while True:
            async with database.writing(job(name), origin(name)) as db, as_service(db, "what has expired is deleted"):
                count = (await fetch(db, sql))[0]["count"]
            total += count
            if count < batch:
                break
    return total
