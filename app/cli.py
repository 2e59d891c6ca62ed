"""The command line: run the service, migrate its database, keep accounts, and see it play a year."""

import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from app import installation
from app.accounts.commands import accounts_app, clients_app
from app.core import documents
from app.core.embedded import EmbeddedFailed
from app.core.schema import RolesMissing
from app.demo import run as demo_run
from app.main import create_app
from app.settings import Settings

cli = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
cli.add_typer(accounts_app, name="account", help="People who sign in.")
cli.add_typer(clients_app, name="client", help="Machine clients.")


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
) -> None:
    """Serve the API until stopped; first bring the database up to date, where the owner's login is known."""
    settings = Settings()
    with installation.database(settings) as addresses:
        if settings.database_url is None or settings.database_owner_url is not None:
            installation.migrate(addresses.owner, settings.role_prefix)
        app = create_app(settings, addresses)
        uvicorn.run(app, host=host, port=port, log_config=None, access_log=False, server_header=False)


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
    except (EmbeddedFailed, installation.NotReachable, demo_run.DemoRefused) as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except RolesMissing as error:
        typer.echo(f"{error}\nAn administrator of the database server runs this once:\n\n{error.sql}", err=True)
        sys.exit(1)
