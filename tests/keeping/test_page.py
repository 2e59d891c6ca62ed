"""What the page on backups says to type is typed, in its order, and does what it says."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import installation
from app.keeping import shelf
from app.keeping.failures import KeepingFailed
from app.keeping.restore import restore
from app.settings import Settings
from scripts.generated_docs import DOCS, ROOT
from tests.docs.forking import command_line
from tests.keeping.conftest import PRACTICE, Kept, sql
from tests.servers import a_place

PAGE = (DOCS / "backup-and-restore.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


@dataclass
class Place:
    """A directory with an installation, and what was said there."""

    path: Path
    environment: dict[str, str]

    def type(self, commands: str) -> str:
        """What the commands say; all of them must succeed."""
        done = subprocess.run(
            ["bash", "-euc", commands],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """An installation in its own directory, as the page has it, with a practice in its database."""
    with a_place() as path, command_line(path) as program:
        given = {name: value for name, value in os.environ.items() if "DATABASE" not in name}
        yield Place(path, given | {"PATH": f"{program.parent}:{os.environ['PATH']}"})


def names(data_dir: Path) -> list[tuple[str, ...]]:
    with installation.database(Settings(data_dir=data_dir)) as addresses:
        found: list[tuple[str, ...]] = sql(addresses.owner, "SELECT name FROM organisations")
        return found


def test_the_commands_of_the_page_keep_and_give_back_what_was_there(place: Place) -> None:
    """One shell before the disaster and one after it; the doctor may find fault, since no worker runs here."""
    data_dir = place.path / ".peer-support"
    at = next(number for number, block in enumerate(BLOCKS) if "--replace" in block)
    typed = [block.replace("peer-support doctor", "peer-support doctor || test $? = 1") for block in BLOCKS]
    exported = [block for block in typed[:at] if block.startswith("export")]
    with installation.database(Settings(data_dir=data_dir)) as addresses:
        installation.migrate(addresses.owner, "pm_")
        sql(addresses.owner, PRACTICE)
        (data_dir / "drill").mkdir()
        (data_dir / "drill/left by one that was killed").touch()
        said = place.type("".join(typed[:at]))
        assert "Restored whole" in said
        assert "bad   worker: " in said
        assert not (data_dir / "drill").exists()
        assert shelf.backups(place.path / "elsewhere")

        sql(addresses.owner, "UPDATE organisations SET name = 'Changed since' RETURNING id")
        long_ago = data_dir / "backups/peer-support-2020-01-01T000000Z.dump.age"
        long_ago.write_text("another file, and the one that was written last")
        said = place.type("".join([*exported, *typed[at:]]))
        assert re.search(r"is kept as peer_support_until_\d+T\d+\.", said)
        assert "Backup of before" in said
        assert names(data_dir) == names(place.path / "another-place") == [("Plainly Readable Surgery",)]


def test_a_database_that_somebody_uses_is_not_taken_away(place: Place) -> None:
    settings = Settings(data_dir=place.path / ".peer-support")
    newest = shelf.backups(shelf.directory(settings))[0].path
    with installation.database(settings) as addresses:
        service = Kept(settings, addresses).open_transaction("SELECT 1")
        with service, pytest.raises(KeepingFailed, match="in use"):
            restore(settings, newest, identity=place.path / "backup-key", replace=True)
        sql(addresses.owner, "SELECT 1 FROM organisations")


def test_every_message_that_the_page_explains_is_one_that_is_said() -> None:
    explained = re.findall(r"^\| ([A-Za-z][^|`]*?) \| ", PAGE.split("## What a message means")[1], flags=re.MULTILINE)
    code = " ".join(path.read_text() for path in (ROOT / "app/keeping").rglob("*.py"))
    said = re.sub(r'"\s+f?"', "", re.sub(r"\s+", " ", code))
    said = re.sub(r"\{[^}]*\}", "", said)
    for message in explained[1:]:
        words = message.replace("destructions.jsonl", "").strip()
        for part in words.split(" … "):
            assert part in said, message
    assert len(explained) > 12
