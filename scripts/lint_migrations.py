"""Each migration's SQL, one revision at a time, is looked through for what would hold up a service that is running.

One at a time, since a table counts as new only in the revision that makes it: later it has rows.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

ROOT = Path(__file__).parent.parent


def statements(folder: Path, since: str, until: str) -> str:
    """The SQL that brings a database from one revision to another."""
    out = io.StringIO()
    config = Config(str(ROOT / "alembic.ini"), output_buffer=out)
    config.set_main_option("script_location", str(folder))
    command.upgrade(config, f"{since}:{until}", sql=True)
    return out.getvalue()


def faults(folder: Path) -> str:
    """What squawk says of the revisions in the folder; nothing where all is well."""
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(folder))
    revisions = list(ScriptDirectory.from_config(config).walk_revisions())
    with tempfile.TemporaryDirectory() as made:
        for revision in revisions:
            sql = statements(folder, str(revision.down_revision or "base"), revision.revision)
            (Path(made) / f"{revision.revision}.sql").write_text(sql)
        squawk = [str(Path(sys.executable).with_name("squawk")), "--config", str(ROOT / ".squawk.toml")]
        files = sorted(str(path) for path in Path(made).iterdir())
        done = subprocess.run([*squawk, "--reporter", "gcc", *files], capture_output=True, text=True, check=False)
    return done.stdout.replace(f"{made}/", "") + done.stderr if done.returncode else ""


if __name__ == "__main__":
    found = faults(ROOT / "migrations")
    sys.exit(found) if found else print("squawk: the migrations hold up nobody")
