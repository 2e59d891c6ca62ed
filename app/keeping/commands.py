"""Backing up, restoring, upgrading and looking after an installation by the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app import installation
from app.keeping import doctor as doctors
from app.keeping import keys
from app.keeping.backup import back_up
from app.keeping.drill import drill
from app.keeping.failures import KeepingFailed
from app.keeping.findings import Level
from app.keeping.restore import Restored
from app.keeping.restore import restore as restore_backup
from app.keeping.retention import apply_retention
from app.keeping.upgrade import upgrade as upgrade_installation
from app.settings import Settings

keeping_app = typer.Typer()

IdentityFile = Annotated[Path | None, typer.Option(help="The file of the private key that opens the backup.")]


@contextmanager
def _told() -> Iterator[None]:
    """A failure is a sentence and exit code 1."""
    try:
        yield
    except KeepingFailed as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@keeping_app.command("backup")
def backup(
    out: Annotated[Path | None, typer.Option(help="Another directory for this one backup.")] = None,
    tries: Annotated[
        bool, typer.Option("--drill", help="Try the newest backup instead: restore it elsewhere.")
    ] = False,
) -> None:
    """Take an encrypted backup while the service runs; older ones that need not stay are removed."""
    settings = Settings()
    with _told(), installation.database(settings) as addresses:
        if tries:
            done = drill(settings, addresses)
            if not done.restored:
                raise KeepingFailed(done.words)
            typer.echo(f"{done.backup}: {done.words}")
            return
        made = back_up(settings, addresses, out=out)
        typer.echo(f"Backup {made.path}")
        if out is None:
            for gone in apply_retention(settings):
                typer.echo(f"Removed {gone.path.name}, which need not stay any longer.")


@keeping_app.command("backup-key")
def backup_key(file: Annotated[Path, typer.Argument(help="Where to write the private key.")]) -> None:
    """Make the pair of keys for backups: the private one into a file, the public one onto the screen."""
    with _told():
        public = keys.make(file)
    typer.echo(f"The private key is in {file}. Keep it away from this machine, and in two places.")
    typer.echo("Who has it can read every backup; when it is lost, nobody can.")
    typer.echo("The public key is no secret. The service needs it:")
    typer.echo(f"PEER_SUPPORT_BACKUP_RECIPIENTS='[\"{public}\"]'")


@keeping_app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    identity: IdentityFile = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Keep the data that are there under another name.")
    ] = False,
) -> None:
    """Make a backup the database again; stop the service before."""
    with _told():
        _show(restore_backup(Settings(), file, identity=identity, replace=replace))


def _show(done: Restored) -> None:
    typer.echo(f"The database is what it was on {done.taken_at:%d %B %Y at %H:%M} UTC.")
    if done.destroyed_again:
        typer.echo(f"{done.destroyed_again} rows that had been destroyed since were removed again.")
    if done.is_journal_missing:
        typer.echo(
            "Warning: no journal that knows this backup's database, destructions.jsonl, lies beside the backup or in "
            "the directory of the backups. Whatever was destroyed after the backup is back. Take the service out of "
            "use, bring the journal from where the backups were made, and restore again with --replace."
        )
    if done.kept_aside:
        typer.echo(f"The database that was there before is kept as {done.kept_aside}.")
    if done.missing_keys:
        typer.echo(
            "The sealing key is not here: received messages stay closed. "
            "Bring PEER_SUPPORT_SEALING_KEYS, or the file sealing-key of the data directory, from where it was."
        )


@keeping_app.command("upgrade")
def upgrade(
    old_programs: Annotated[
        Path | None, typer.Option(help="Where the programs of the older PostgreSQL lie, if not where Debian puts them.")
    ] = None,
) -> None:
    """Back up, then bring the database, and the server's data where they are older, to this version."""
    with _told():
        done = upgrade_installation(Settings(), old_programs)
    if done.backup:
        typer.echo(f"Backup of before: {done.backup.path}")
    if done.old_data:
        typer.echo(f"The old server's data lie untouched in {done.old_data}. Remove them when all is well.")
    typer.echo("The database is up to date.")


@keeping_app.command("doctor")
def doctor(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Look at everything that may be wrong, and say what to do; exit code 1 when something is."""
    found = doctors.examine()
    typer.echo(doctors.as_json(found) if as_json else doctors.as_text(found))
    if any(finding.level is Level.BAD for finding in found):
        raise typer.Exit(1)
