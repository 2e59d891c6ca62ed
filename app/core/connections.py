"""How many connections to PostgreSQL the service may open, and whether the server has that many for it."""

from dataclasses import dataclass
from typing import Any

from app.settings import Settings

WORKER_POOL = 4
"""Connections of the worker's own jobs."""
WORKER = WORKER_POOL + 4
"""With those of a backup or a drill that runs beside them."""
OBSERVATORY = 1
"""Each API process reads the figures of /metrics over a connection of its own."""
FIGURES = 1
"""Of each API process, for the figures of GET /metrics."""
RESERVE = 6
"""Left for the command line, a migration and whoever looks after the server."""


KEPT_BACK = 3
"""PostgreSQL's own default of `superuser_reserved_connections`."""


class TooFewConnections(Exception):
    """The pools do not fit; the message has the numbers and names the settings."""


@dataclass(frozen=True)
class Granted:
    """What the server allows the API's login: at most so many connections, and none of those kept back."""

    max_connections: int
    kept_back: int
    role_limit: int = -1
    """Limits of the role and of the database; -1: none."""
    database_limit: int = -1

    @property
    def usable(self) -> int:
        """Connections this login can have, if nobody else has any."""
        limits = [limit for limit in (self.role_limit, self.database_limit) if limit >= 0]
        return min([self.max_connections - self.kept_back, *limits])


def of_one_process(settings: Settings) -> int:
    """Connections one API process opens at most."""
    return settings.writing_pool + settings.reading_pool + settings.reporting_pool + OBSERVATORY


def needed(settings: Settings) -> int:
    """Connections of all API processes, the worker and the reserve."""
    return settings.api_processes * of_one_process(settings) + WORKER + RESERVE


def to_ask_for(settings: Settings) -> int:
    """`max_connections` of a server of our own: room for the pools, for administrators, and PostgreSQL's usual 100."""
    return max(100, needed(settings) + KEPT_BACK)


def check(settings: Settings, granted: Granted) -> None:
    """Nothing happens when the pools fit; else `TooFewConnections`."""
    if needed(settings) <= granted.usable:
        return
    limits = [f"max_connections {granted.max_connections} less {granted.kept_back} kept back for administrators"]
    limits += [f"the role's limit {granted.role_limit}"] if granted.role_limit >= 0 else []
    limits += [f"the database's limit {granted.database_limit}"] if granted.database_limit >= 0 else []
    pools = f"{settings.writing_pool} + {settings.reading_pool} + {settings.reporting_pool} + {OBSERVATORY}"
    raise TooFewConnections(
        f"The service may open {settings.api_processes} × ({pools}) + {WORKER} for the worker + {RESERVE} in reserve "
        f"= {needed(settings)} connections, and PostgreSQL has {granted.usable} for it ({'; '.join(limits)}): lower "
        "PEER_SUPPORT_API_PROCESSES, PEER_SUPPORT_WRITING_POOL, PEER_SUPPORT_READING_POOL or "
        "PEER_SUPPORT_REPORTING_POOL, or raise the server's limit."
    )


async def granted(connection: Any) -> Granted:
    """What the server allows the login of this connection."""
    row = await connection.fetchrow(
        "SELECT current_setting('max_connections')::int AS max_connections, "
        "current_setting('superuser_reserved_connections')::int "
        "+ coalesce(current_setting('reserved_connections', true)::int, 0) AS kept_back, "
        "(SELECT rolconnlimit FROM pg_roles WHERE rolname = session_user) AS role_limit, "
        "(SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit"
    )
    return Granted(**dict(row))
