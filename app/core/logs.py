"""Structured logs, one JSON line each, that name operations and ids and never people."""

import errno
import io
import logging
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.contextvars import get_contextvars

LIBRARIES = "libraries"
APP = str(Path(__file__).parent.parent)
ALLOWED = frozenset(
    [
        "event",
        "level",
        "timestamp",
        "logger",
        "request_id",
        "trace_id",
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

    def close(self) -> None:
        """Never: it is not ours, and when the interpreter ends there is none any more."""


class _Libraries(logging.Formatter):
    """What a library says, as a line of the same kind: who says it, how grave, what arose and where; never its words.

    They may quote what somebody sent.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        error = record.exc_info[1] if record.exc_info else record.msg
        entry = {
            "event": "library",
            "level": record.levelname.lower(),
            "logger": record.name,
            "where": f"{record.module}:{record.lineno}",
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        if isinstance(error, BaseException):
            entry["exception_type"] = kind_of(error)
            entry["where"] = where_of(error) or entry["where"]
        return _as_json(None, "", entry | get_contextvars())


def kind_of(error: BaseException) -> str:
    """The class of an error, and the system's name of its cause where it has one, such as EADDRINUSE."""
    code = errno.errorcode.get(error.errno or 0, "") if isinstance(error, OSError) else ""
    return f"{type(error).__name__} {code}".strip()


def _as_json(_: Any, __: str, entry: Mapping[str, Any]) -> str:
    return orjson.dumps(entry, default=str).decode()


def configure(level: str) -> None:
    """Send our own lines as JSON to standard error, and those of the libraries from warnings on."""
    handler = logging.StreamHandler(cast(TextIO, _StandardError()))
    handler.setFormatter(_Libraries())
    handler.set_name(LIBRARIES)
    root = logging.getLogger()
    for old in [h for h in root.handlers if h.get_name() == LIBRARIES]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_known_fields,
            _as_json,
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
