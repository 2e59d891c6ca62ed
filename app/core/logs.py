"""Structured logs, one JSON line each, that name operations and ids and never people."""

import io
import logging
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO, cast

import structlog

APP = str(Path(__file__).parent.parent)
ALLOWED = frozenset(
    [
        "event",
        "level",
        "timestamp",
        "logger",
        "request_id",
        "method",
        "route",
        "status",
        "ms",
        "role",
        "kind",
        "actor_id",
        "operation",
        "problem",
        "exception_type",
        "where",
        "port",
        "pid",
        "database",
        "job",
        "count",
        "version",
    ]
)


def _only_known_fields(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every field that is not on the list: a name or an NHS number cannot slip in under a new key."""
    dropped = [key for key in entry if key not in ALLOWED]
    for key in dropped:
        del entry[key]
    return entry


class _StandardError(io.TextIOBase):
    """Whatever standard error is at the moment of writing: it may have been redirected since the start."""

    def write(self, text: str, /) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(level: str) -> None:
    """Send our own lines as JSON to standard error, and quieten the libraries below warnings."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_known_fields,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _StandardError())),
        cache_logger_on_first_use=False,
    )


def logger() -> Any:
    """The service's log."""
    return structlog.get_logger()


def where_of(error: BaseException) -> str:
    """File and line of ours where an unexpected error arose, without its message: that may quote a person's data."""
    where = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(APP):
            where = f"{file.removeprefix(APP)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where
