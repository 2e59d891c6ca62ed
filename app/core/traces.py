"""Where the time of a request goes, told to a collector of traces where the settings name one."""

from importlib import import_module
from typing import Any

ADAPTER = "app.core.traces_otlp"


class TracesNotInstalled(Exception):
    """PEER_SUPPORT_TRACES_URL is set, but what sends traces is not installed: install from requirements-traces.txt."""


def adapter() -> Any:
    """The module that knows OpenTelemetry; `TracesNotInstalled` where that extra was left out."""
    try:
        return import_module(ADAPTER)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        raise TracesNotInstalled(TracesNotInstalled.__doc__) from error
