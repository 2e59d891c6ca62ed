"""The servers that tests run beside the service: another PostgreSQL, a pooler, a replica."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from app.core import embedded, embedded_guardian

_programs = os.environ.get("PEER_SUPPORT_TEST_POSTGRES")
ANOTHER_POSTGRES = Path(_programs) if _programs else None
"""Where the programs of the PostgreSQL lie that this run uses instead of the included one."""
IS_POOLED = bool(os.environ.get("PEER_SUPPORT_TEST_POOLER"))
"""Whether the service reaches its database through pgbouncer in this run."""
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
POOLER_PORT = 6432  # only part of the socket's name

POOLER = """
[databases]
* = host={server} port={port}
[pgbouncer]
unix_socket_dir = {home}
listen_port = {listens}
logfile = {home}/log
auth_type = trust
auth_file = {home}/users
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
"""


@contextmanager
def a_place() -> Iterator[Path]:
    """A directory that PostgreSQL's account can reach, gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="peer-support-servers-")).resolve()
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@contextmanager
def pooler(server: embedded.Embedded, *users: str, size: int = 20) -> Iterator[str]:
    """A pgbouncer before the server, lending each connection for one transaction; yields its socket's directory."""
    assert PGBOUNCER is not None
    account = embedded_guardian.owner(server.home)
    with a_place() as home:
        words = {"server": server.socket_dir, "port": server.port, "home": home, "listens": POOLER_PORT, "size": size}
        (home / "ini").write_text(POOLER.format(**words))
        (home / "users").write_text("".join(f'"{user}" ""\n' for user in users))
        if account.uid is not None:
            os.chown(home, account.uid, -1)
        process = subprocess.Popen(
            [PGBOUNCER, "-q", str(home / "ini")], user=account.uid, group=account.gid, extra_groups=account.groups
        )
        try:
            _await(process, home / f".s.PGSQL.{POOLER_PORT}")
            yield str(home)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


def pooled(socket_dir: str, user: str, database: str) -> str:
    """The address of a database through the pooler."""
    return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(socket_dir)}&port={POOLER_PORT}"


def _await(process: "subprocess.Popen[bytes]", path: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        assert process.poll() is None, "pgbouncer ended"
        assert time.monotonic() < deadline, "pgbouncer does not answer"
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                return probe.connect(str(path))
            except (FileNotFoundError, ConnectionError):
                time.sleep(0.01)


def make_replica(primary: embedded.Embedded, home: Path) -> None:
    """A copy of the whole server in `home`; started there by `embedded.start`, it follows the primary."""
    cluster = primary._cluster
    place = home / "server"
    place.mkdir(mode=0o700)
    if cluster.account.uid is not None:
        os.chown(place, cluster.account.uid, -1)
    source = ["--host", str(primary.socket_dir), "--port", str(primary.port), "--username", "postgres"]
    how = ["--pgdata", "server/data", "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]
    command = [str(cluster.programs / "pg_basebackup"), *source, *how]
    done = embedded_guardian.run(command, cluster.account, cwd=home)
    assert done.returncode == 0, done.stderr
