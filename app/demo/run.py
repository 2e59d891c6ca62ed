"""Starts a service on data of its own, lets the year be played, shows the report, and keeps serving."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import typer
from rich.console import Console

from app import installation
from app.demo import show
from app.demo.caller import Sign, Unexpected
from app.demo.player import play
from app.settings import Settings

COORDINATOR = Sign("coordinator", "denise@example.org", "cafes and small steps")


class DemoRefused(Exception):
    """The demo plays on the PostgreSQL that comes with the package, afresh each time; unset DATABASE_URL."""


def run(host: str, port: int, *, stays: bool) -> None:
    """Play the year from an empty database; with `stays`, keep serving it until stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that what was started is ended
    settings = Settings()
    if settings.database_url:
        raise DemoRefused(DemoRefused.__doc__)
    data = settings.data_dir / "demo"
    console = Console()
    started = time.monotonic()
    environment = os.environ | {
        "PEER_SUPPORT_DATA_DIR": str(data),
        "PEER_SUPPORT_CLOCK_MOVABLE": "true",
        "PEER_SUPPORT_LOG_LEVEL": "WARNING",
        "PEER_SUPPORT_PUBLIC_URL": f"http://{host}:{port}",
    }
    with installation.embedded_server(Settings(data_dir=data)) as server:
        asyncio.run(installation.drop_database(server))
        with _serving(host, port, environment) as url:
            link = _first_coordinator(environment)
            try:
                year = asyncio.run(play(url, COORDINATOR, link, console))
                show.everything(console, url, year, time.monotonic() - started)
            except (Unexpected, show.RecountDiffers) as error:
                raise DemoRefused(str(error)) from error
            if stays:
                _wait(console, url)


@contextmanager
def _serving(host: str, port: int, environment: dict[str, str]) -> Iterator[str]:
    """The real command in a process of its own, ended with ours."""
    command = [sys.executable, "-m", "app", "serve", "--host", host, "--port", str(port)]
    process = subprocess.Popen(command, env=environment, cwd=Path.cwd())
    url = f"http://{host}:{port}"
    try:
        _until_ready(process, url)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def _until_ready(process: "subprocess.Popen[bytes]", url: str) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise DemoRefused("The service did not start; is something else listening on its port?")
        try:
            if httpx.get(f"{url}/health/ready", timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise DemoRefused("The service was not ready within a minute.")


def _first_coordinator(environment: dict[str, str]) -> str:
    """The one thing the command line does: the first coordinator's account, and the link to set a password."""
    command = [sys.executable, "-m", "app", "account", "create", COORDINATOR.email]
    command += ["--name", "Denise", "--role", "coordinator"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoRefused(done.stderr.strip())
    return done.stdout.split("token=")[1].split()[0]


def _wait(console: Console, url: str) -> None:
    console.print(f"\nServing on {url} until you press Ctrl-C.")
    try:
        signal.pause()
    except KeyboardInterrupt:
        typer.echo("\nStopped.")
