"""PostgreSQL's own programs that write and read a backup, and how they are told where the database is."""

import contextlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from app.core import embedded
from app.core.embedded import EmbeddedFailed
from app.keeping.failures import KeepingFailed

OF_THE_SYSTEM = Path("/usr/lib/postgresql")
"""Where Debian and its kin put each major version's programs."""
SUPPORTED = range(15, 19)
"""Major versions of PostgreSQL that the service runs on."""
NEWER_WORDS = 17
"""From this major version on pg_restore says things that older servers do not understand."""


@dataclass(frozen=True)
class Programs:
    """pg_dump and pg_restore of one major version."""

    major: int
    directory: Path

    def command(self, name: str, *arguments: str) -> list[str]:
        """The command line of one of them."""
        found = shutil.which(name, path=self.directory)
        if found is None:
            raise KeepingFailed(f"There is no {name} in {self.directory}.")
        return [found, *arguments]


def for_writing(server: int) -> Programs:
    """The oldest programs here that can back up a server of this major version; KeepingFailed without any."""
    return _oldest(server, [p for p in _all() if p.major >= server])


def for_reading(written_by: int, server: int) -> Programs:
    """The oldest programs here that can read what `written_by` wrote into a server of this major version."""
    newest = max(SUPPORTED) if server >= NEWER_WORDS else NEWER_WORDS - 1
    return _oldest(max(server, written_by), [p for p in _all() if written_by <= p.major <= newest])


def _oldest(wanted: int, fitting: list[Programs]) -> Programs:
    if not fitting:
        raise KeepingFailed(
            f"This needs the programs pg_dump and pg_restore of PostgreSQL {wanted}, which are not here. "
            f"Install them (on Debian: apt install postgresql-client-{wanted})."
        )
    return min(fitting, key=lambda programs: programs.major)


def _all() -> list[Programs]:
    directories = [*OF_THE_SYSTEM.glob("*/bin")]
    with contextlib.suppress(EmbeddedFailed):
        directories.append(embedded.included_programs())
    if found := shutil.which("pg_dump"):
        directories.append(Path(found).parent)
    known = [(_major(directory), directory) for directory in directories]
    return [Programs(major, directory) for major, directory in known if major]


def _major(directory: Path) -> int:
    """0 where there is nothing that can be run."""
    program = shutil.which("pg_dump", path=directory)
    if program is None or shutil.which("pg_restore", path=directory) is None:
        return 0
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - PostgreSQL's
    found = re.search(r"\) (\d+)", said.stdout)
    return int(found[1]) if found else 0


def connection(url: str) -> tuple[str, dict[str, str]]:
    """The address without its password, which every user of the machine could read, and the environment with it."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    password = query.pop("password", unquote(password))
    environment = {key: value for key, value in os.environ.items() if key.startswith("PG") or key in ("PATH", "HOME")}
    environment |= {"LC_ALL": "C", "PGAPPNAME": "peer-support"} | ({"PGPASSWORD": password} if password else {})
    shown = parts._replace(netloc=f"{name}{at}{host}", query=urlencode(query, quote_via=quote))
    return _joined(shown), environment


def on_database(url: str, name: str) -> str:
    """The same server and login, another of its databases."""
    return _joined(urlsplit(url)._replace(path=f"/{quote(name, safe='')}"))


def _joined(parts: SplitResult) -> str:
    """With both slashes even where no host follows; the standard library's own leaves them out."""
    return f"{parts.scheme}://{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")
