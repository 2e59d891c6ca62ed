"""Whatever a library has to say leaves as the same kind of line as our own, without its words."""

import errno
import json
import logging
from typing import Any

import pytest

from app.core import logs


def _line(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capfd.readouterr().err)
    return line


@pytest.fixture(autouse=True)
def _to_the_present_standard_error() -> None:
    logs.configure("ERROR")


def test_an_error_inside_a_library_is_told_by_its_kind_and_place_alone(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        logs.configure("there is no such level")
    except KeyError:
        logging.getLogger("uvicorn.error").exception("while serving Zebedee %s", "Quartermaine")
    line = _line(capfd)
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("where").startswith("/core/logs.py:")
    assert line == {"event": "library", "level": "error", "logger": "uvicorn.error", "exception_type": "KeyError"}


def test_what_the_system_refused_is_told_by_the_systems_name_for_it(capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("uvicorn.error").error(OSError(errno.EADDRINUSE, "at Zebedee's"))
    assert _line(capfd)["exception_type"] == "OSError EADDRINUSE"


def test_a_warning_without_an_error_says_who_warns_and_where(capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("sqlalchemy.pool").warning("the connection of %s is lost", "Zebedee")
    line = _line(capfd)
    assert (line["logger"], line["level"]) == ("sqlalchemy.pool", "warning")
    assert line["where"].startswith("test_log_lines:")
    assert "Zebedee" not in json.dumps(line)


def test_what_is_merely_of_interest_to_a_library_is_not_kept(capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("uvicorn.error").info("Application startup complete.")
    assert capfd.readouterr().err == ""


def test_configuring_again_does_not_say_everything_twice(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("ERROR")
    logging.getLogger("asyncio").warning("slow")
    assert len(capfd.readouterr().err.splitlines()) == 1
