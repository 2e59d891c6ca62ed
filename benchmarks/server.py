"""One API process as it is measured: ours or a baseline, under the same server with the same settings."""

import importlib
import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from app import installation
from app.main import create_app
from app.settings import Settings

SAMPLE_SECONDS = 0.001
"""Of processor time between two samples; the system may make them rarer."""


def app_of(which: str) -> FastAPI:
    """`ours`, on the database of the environment, or the baseline of that module."""
    if which == "ours":
        settings = Settings()
        return create_app(settings, installation.Addresses("", settings.database_url or ""))
    baseline: FastAPI = importlib.import_module(f"benchmarks.{which}").app
    return baseline


def main(which: str, port: str, samples: str | None = None) -> None:
    """Serve until told to end; with a path, note there how often each file was found at work."""
    config = uvicorn.Config(
        app_of(which), host="127.0.0.1", port=int(port), log_config=None, access_log=False, server_header=False
    )
    found: Counter[str] = Counter()

    def note(_: int, frame: FrameType | None) -> None:
        found[frame.f_code.co_filename if frame else ""] += 1

    def written(_: int, __: FrameType | None) -> None:
        Path(samples or "").write_text(json.dumps(found))
        sys.exit(0)

    if samples:
        signal.signal(signal.SIGPROF, note)
        signal.signal(signal.SIGTERM, written)  # the server raises it once more when it has ended
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
