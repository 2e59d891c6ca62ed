"""The command line, loaded once and forked for each command: many commands in a test cost little more than one."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app import cli
from scripts.generated_docs import ROOT

CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [asked], [0, 1, 2])
    server.shutdown(socket.SHUT_WR)
    answers = server.makefile()
    command = int(answers.readline())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: os.kill(command, number))
    sys.exit(int(answers.readline() or 1))
"""


@contextmanager
def command_line(home: Path) -> Iterator[Path]:
    """A program that is `peer-support`, as quick as a fork; `home` is a directory it may use."""
    address, client = home / "socket", home / "peer-support"
    client.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    client.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(64)
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.docs.forking", str(listener.fileno())],
            pass_fds=[listener.fileno()],
            cwd=ROOT,
        )
    try:
        yield client
    finally:
        server.terminate()
        server.wait(timeout=10)


def _serve(listener: socket.socket) -> None:
    """Until it is ended; every command has one process that runs it and one that waits for that."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asking, _ = listener.accept()
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            _answer(asking)
        asking.close()


def _answer(asking: socket.socket) -> None:
    asked, files, _, _ = socket.recv_fds(asking, 1 << 20, 3)
    while more := asking.recv(1 << 20):
        asked += more
    arguments, directory, environment = json.loads(asked)
    command = os.fork()
    if not command:
        asking.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os._exit(_run(arguments, directory, environment))
    asking.sendall(f"{command}\n".encode())
    status = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    asking.sendall(f"{abs(status)}\n".encode())
    os._exit(0)


def _run(arguments: list[str], directory: str, environment: dict[str, str]) -> int:
    os.setsid()
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["peer-support", *arguments]
    status = 0
    try:
        cli.main()
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
