"""The directory in which backups lie, each with a small note of what it is beside it."""

import os
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from app.core import clock
from app.keeping.failures import KeepingFailed
from app.settings import Settings

NAME = re.compile(r"peer-support-(\d{4}-\d{2}-\d{2}T\d{6}Z)\.dump\.age")
STAMP = "%Y-%m-%dT%H%M%SZ"
PART = ".part"
AHEAD = timedelta(minutes=5)


def is_ahead(at: datetime) -> bool:
    """Whether a clock that was wrong noted this; machines may differ by a few minutes."""
    return at > clock.true_now() + AHEAD


class Manifest(BaseModel):
    """What a backup is: no word of it is about a person."""

    format: Literal[1] = 1
    taken_at: datetime
    product: str
    """Version of the service that took it."""
    revision: str
    """The last migration that the database had."""
    postgresql: int
    """Major version of the server it was taken from."""
    programs: int
    """Major version of the pg_dump that wrote it."""
    role_prefix: str
    sealing_keys: list[str]
    """Ids of the keys without which sealed messages stay closed; the keys are not in the backup."""
    rows: dict[str, int]
    """How many rows each table has in it."""
    database: str | None = None
    """As the journal of destructions names the database; None in a backup of the first version."""
    bytes: int
    sha256: str
    """Of the encrypted file, so that a copy can be checked without its key."""


@dataclass(frozen=True)
class Backup:
    """One backup that lies whole in its directory."""

    path: Path
    taken_at: datetime

    @property
    def note(self) -> Path:
        """The file of its manifest."""
        return self.path.with_name(self.path.name.removesuffix(".dump.age") + ".json")

    def manifest(self) -> Manifest | None:
        """What the note says; None where there is none or it is not one of ours."""
        try:
            return Manifest.model_validate_json(self.note.read_bytes())
        except (OSError, ValidationError):
            return None

    def is_cut_short(self) -> bool:
        """Whether the file has another size than its note says."""
        manifest = self.manifest()
        return manifest is not None and manifest.bytes != self.path.stat().st_size


def directory(settings: Settings) -> Path:
    """Where backups lie: where the settings say, else with the data."""
    return settings.backup_dir or settings.data_dir / "backups"


def place(where: Path, taken_at: datetime) -> Backup:
    """Where the backup of this moment belongs."""
    return Backup(where / f"peer-support-{taken_at:{STAMP}}.dump.age", taken_at.replace(microsecond=0))


def named(path: Path) -> Backup:
    """A file somebody gives us as a backup, whatever it is called."""
    found = NAME.fullmatch(path.name)
    if found is None:
        return Backup(path, datetime.fromtimestamp(path.stat().st_mtime, UTC))
    return Backup(path, datetime.strptime(found[1], STAMP).replace(tzinfo=UTC))


def backups(where: Path) -> list[Backup]:
    """The whole backups of a directory, the newest first."""
    if not where.is_dir():
        return []
    found = [named(path) for path in where.iterdir() if NAME.fullmatch(path.name) and path.is_file()]
    return sorted(found, key=lambda backup: backup.taken_at, reverse=True)


def newest(where: Path) -> Backup | None:
    """The last whole backup; one from the future counts only where there is no other."""
    found = backups(where)
    return next((backup for backup in found if not is_ahead(backup.taken_at)), None) or next(iter(found), None)


def opened(where: Path) -> Path:
    """The directory, made for us alone where it was not there."""
    try:
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeepingFailed(f"The directory of the backups, {where}, cannot be made: {error.strerror}.") from None
    return where


def write(path: Path, text: str) -> None:
    """All of the text or nothing, readable to us alone, and on the disk on return."""
    part = path.with_name(f".{path.name}{PART}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    finish(part, path)


def finish(part: Path, path: Path) -> None:
    """A file that is written whole gets its name, and the directory knows it on return."""
    part.replace(path)
    if sys.platform != "win32":  # which knows no such thing
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
