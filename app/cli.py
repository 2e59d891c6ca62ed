"""The command line: run the service, migrate its database, keep accounts, and see it play a year."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from app import installation, serving
from app import worker as periodic
from app.accounts.commands import accounts_app, clients_app
from app.core import documents, logs
from app.core.connections import TooFewConnections
from app.core.embedded import EmbeddedFailed
from app.core.schema import LoginTooPowerful, RolesMissing
from app.core.traces import TracesNotInstalled
from app.demo import run as demo_run
from app.keeping.commands import keeping_app
from app.main import create_app
from app.settings import Settings

cli = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
cli.add_typer(accounts_app, name="account", help="People who sign in.")
cli.add_typer(clients_app, name="client", help="Machine clients.")
cli.add_typer(keeping_app)

TOLD_IN_WORDS = (
    EmbeddedFailed,
    TooFewConnections,
    LoginTooPowerful,
    installation.NotReachable,
    installation.DatabaseBusy,
    installation.HalfRestored,
    serving.CannotServe,
    TracesNotInstalled,
    demo_run.DemoRefused,
)
NEWER_DATABASE = (
    "The database is of a newer version than this program. Install that version, or run `peer-support upgrade` again."
)


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[bool, typer.Option("--workers", help="Several API processes and a worker.")] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many, if not as the settings say; alone: no worker.")
    ] = None,
) -> None:
    """Serve the API until stopped; first bring the database up to date, where the owner's login is known."""
    settings = Settings()
    if not workers and processes is None:
        serving.serve(settings, host, port)
        return
    changed = {} if processes is None else {"api_processes": processes}
    raise typer.Exit(serving.serve_many(settings.model_copy(update=changed), host, port, works=workers))


@cli.command()
def worker() -> None:
    """Do what is due by the clock until stopped; any number may run, each job in one of them at a time."""
    settings = Settings()
    with installation.database(settings) as addresses:
        asyncio.run(installation.refuse_half_restored(addresses.login))
        periodic.run(settings, addresses)


@cli.command()
def migrate() -> None:
    """Bring the database to what this version needs; safe to run again."""
    settings = Settings()
    with installation.database(settings) as addresses:
        installation.migrate(addresses.owner, settings.role_prefix)
    typer.echo("The database is up to date.")


@cli.command()
def demo(
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 8000,
    leave: Annotated[bool, typer.Option("--exit", help="End after the report instead of serving on.")] = False,
) -> None:
    """Play one contract year of the pilot through the service's own doors and show its outcome."""
    demo_run.run("127.0.0.1", port, stays=not leave)


@cli.command()
def openapi(
    out: Annotated[Path | None, typer.Option(help="Write the document here instead of printing it.")] = None,
) -> None:
    """Print the API's document."""
    text = documents.as_text(create_app(Settings(), installation.Addresses("", "")))
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text)


def main() -> None:
    """Run a command; what an operator can mend is one sentence, not a traceback."""
    try:
        cli()
    except TOLD_IN_WORDS as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except RolesMissing as error:
        typer.echo(f"{error}\nAn administrator of the database server runs this once:\n\n{error.sql}", err=True)
        sys.exit(1)
    except CommandError:
        typer.echo(NEWER_DATABASE, err=True)
        sys.exit(1)
    except (asyncpg.PostgresError, DBAPIError) as error:
        typer.echo(_without_words(error), err=True)
        sys.exit(1)


def _without_words(error: asyncpg.PostgresError | DBAPIError) -> str:
    """Of what kind and where, and never what PostgreSQL says: that may quote a person's data."""
    cause = error.orig.__cause__ or error.orig if isinstance(error, DBAPIError) and error.orig else error
    return f"The database refused ({logs.kind_of(cause)} at {logs.where_of(error)}). Run `peer-support doctor`."
