"""Programs that the page on running the service calls and a test must not: each does what can be done of it here.

Started as `python -IS standing_in.py PROGRAM ARGUMENT…`, so it needs nothing but the standard library.
"""

import fcntl
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

WHY = {
    "sudo": "the test runs as whoever it is",
    "apt-get": "it would change the machine; the names of the packages were tried by hand",
    "psql": "the included one takes the place of the package's, once that is installed",
    "useradd": "it would change the machine",
    "install": "files are made as asked, for owners that are not here",
    "chown": "the owner is not here",
    "runuser": "the user is not here",
    "python3": "a new environment takes a minute and a network; the one of the test takes its place",
    "systemctl": "no systemd runs here; what the unit starts is started and stopped as it says",
    "journalctl": "no journal is here; what the unit's processes wrote is shown",
    "curl": "the name has no address and no certificate here; the API is asked itself",
    "docker": "no engine is here; each service's command runs with the environment compose.yaml gives it",
}
PATIENCE_SECONDS = 60.0

HERE = Path(os.environ.get("STANDING_IN", "."))
"""The directory that is the machine's root in the test; `machine.json` in it says what else is to be known."""


def machine() -> dict[str, str]:
    """Ports, the command line, the sockets."""
    known: dict[str, str] = json.loads((HERE / "machine.json").read_text())
    return known


def plain(arguments: list[str]) -> int:
    """Run what comes after a program's own options."""
    while arguments and arguments[0].startswith("-"):
        arguments = arguments[2 if arguments[0] == "-u" else 1 :]
    return subprocess.call(arguments)


def nothing(arguments: list[str]) -> int:
    """It is enough that it was called: the test reads the list of calls."""
    return 0 if arguments else 2


def apt_get(arguments: list[str]) -> int:
    """What later commands need of these packages is there."""
    script = HERE / "usr/share/postgresql-common/pgdg/apt.postgresql.org.sh"
    if "postgresql-common" in arguments:
        script.parent.mkdir(parents=True)
        script.write_text("#!/bin/sh\n")
        script.chmod(0o755)
    if any(name.startswith("postgresql-client") for name in arguments):
        (HERE / "psql").symlink_to(Path(machine()["programs"]) / "psql")
    return nothing(arguments)


def psql(arguments: list[str]) -> int:
    """Not found before its package is installed."""
    program = HERE / "psql"
    return subprocess.call([program, *arguments]) if program.exists() else 127


def install(arguments: list[str]) -> int:
    """Directories and files are there, open enough for the account that PostgreSQL runs as under root."""
    is_directory = "-d" in arguments
    rest = [a for a in arguments if a != "-d"]
    while rest[0].startswith("-"):
        rest = rest[2:]
    if not is_directory:
        *sources, target = rest
        return subprocess.call(["cp", *sources, target])
    for directory in map(Path, rest):
        directory.mkdir(parents=True)
        directory.chmod(0o711)
    return 0


def python3(arguments: list[str]) -> int:
    """The environment asked for is there: its `pip` looks at what it is given, its command line is the test's."""
    if arguments[:2] != ["-m", "venv"]:
        return 2
    programs = Path(arguments[2]) / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -IS {__file__} venv "$@"\n')
    (programs / "python").chmod(0o755)
    (programs / "peer-support").symlink_to(machine()["peer-support"])
    return 0


def venv(arguments: list[str]) -> int:
    """Whatever is installed has a hash for every package, or is this project itself; code may be compiled."""
    if arguments[:2] == ["-m", "pip"]:
        return install_packages(arguments[2:])
    if arguments[:2] == ["-m", "compileall"]:
        return 0 if all(Path(place).is_dir() for place in arguments[3:]) else 1
    return subprocess.call([sys.executable, *arguments], cwd=machine()["repository"])


def install_packages(arguments: list[str]) -> int:
    """0 when pip would install pinned packages with hashes, or this project without any others."""
    if "-r" in arguments:
        pins = Path(arguments[arguments.index("-r") + 1]).read_text()
        packages = re.findall(r"^\S+==.*?(?=^\S|\Z)", pins, flags=re.DOTALL | re.MULTILINE)
        return 0 if "--require-hashes" in arguments and packages and all("--hash" in p for p in packages) else 1
    is_ours = Path("pyproject.toml").is_file() and Path("app").is_dir() and Path("README.md").is_file()
    return 0 if is_ours and arguments[-2:] == ["-e", "."] and "--no-deps" in arguments else 1


def unit() -> dict[str, str]:
    """What the installed unit says of its service; only what is said once."""
    lines = (HERE / "etc/systemd/system/peer-support.service").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))


def settings_of(path: Path) -> dict[str, str]:
    """A file of settings, read as systemd and Compose do: in single quotes everything is as it stands."""
    return dict(shlex.split(line)[0].split("=", 1) for line in path.read_text().splitlines())


def spawn(name: str, command: list[str], environment: dict[str, str], place: str) -> None:
    """A process runs on behind us; what it writes goes to a file, and its lock is free when all of it has ended."""
    lock = os.open(HERE / f"{name}.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (HERE / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=place, stdout=log, stderr=log, pass_fds=[lock], start_new_session=True
        )
    (HERE / f"{name}.pid").write_text(str(process.pid))


def stop(name: str) -> None:
    """It was asked to end, and has ended."""
    number = HERE / f"{name}.pid"
    if number.exists():
        os.kill(int(number.read_text()), signal.SIGTERM)
        with (HERE / f"{name}.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        number.unlink()


def start_unit() -> None:
    """What the unit starts runs, with the environment that systemd would give it and no more."""
    said = unit()
    one = {"PEER_SUPPORT_API_PROCESSES": "1"}  # quicker; in the containers there are two
    environment = {"PATH": os.defpath} | one | settings_of(Path(said["EnvironmentFile"]))
    spawn("unit", shlex.split(said["ExecStart"]), environment, said["WorkingDirectory"])


def systemctl(arguments: list[str]) -> int:
    """Our own unit is started and stopped; of the proxy's it is enough that its file is there."""
    verb, *rest = [a for a in arguments if a != "--now"]
    if rest == ["caddy.service"]:
        return 0 if (HERE / "etc/caddy/Caddyfile").is_file() else 1
    if rest not in ([], ["peer-support.service"]) or not unit():
        return 5
    if verb in ("stop", "restart"):
        stop("unit")
    if verb in ("enable", "start", "restart"):
        start_unit()
    if verb == "status":
        return 0 if (HERE / "unit.pid").exists() else 3
    return 0


def journalctl(_: list[str]) -> int:
    """The unit's log."""
    sys.stdout.write((HERE / "unit.log").read_text())
    return 0


def curl(arguments: list[str]) -> int:
    """The API's answer behind the name, as soon as it gives one."""
    asked = arguments[-1].replace("https://localhost", f"http://127.0.0.1:{machine()['port']}")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(asked, timeout=5) as answer:
                sys.stdout.write(answer.read().decode() + "\n")
                return 0
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    return 22


def docker(arguments: list[str]) -> int:
    """`docker compose …` on services whose commands run here, each with its own environment and volumes."""
    compose, verb, *rest = arguments
    if compose != "compose":
        return 2
    options = []
    while rest and rest[0].startswith("-") and verb != "logs":
        options.append(rest.pop(0))
    return COMPOSE[verb](options, rest)


def build(_: list[str], __: list[str]) -> int:
    """There is nothing to build."""
    return 0


def copy(_: list[str], places: list[str]) -> int:
    """Out of a container."""
    service, place = places[0].split(":")
    return subprocess.call(["cp", "-R", inside(service, place), places[1]])


def ps(_: list[str], __: list[str]) -> int:
    """What runs."""
    sys.stdout.write("".join(f"{name}\n" for name in RUN_ON if (HERE / f"{name}.pid").exists()))
    return 0


def logs(_: list[str], __: list[str]) -> int:
    """What was written."""
    sys.stdout.write("".join((HERE / f"{name}.log").read_text() for name in RUN_ON))
    return 0


def stop_services(_: list[str], names: list[str]) -> int:
    """They have ended."""
    for name in names:
        stop(name)
    return 0


def run(options: list[str], rest: list[str]) -> int:
    """A container of its own; before it starts what its service waits for, if nothing is said against that."""
    service, *command = rest
    if "--no-deps" not in options:
        subprocess.run(as_in("migrate"), env=environment_of("migrate"), check=True)
    return subprocess.call(as_in(service, command), env=environment_of(service))


def execute(_: list[str], rest: list[str]) -> int:
    """In the container that runs."""
    service, *command = rest
    if not (HERE / f"{service}.pid").exists():
        return 1
    return subprocess.call(as_in(service, command), env=environment_of(service))


def services() -> dict[str, dict[str, Any]]:
    """The services of compose.yaml."""
    found: dict[str, dict[str, Any]] = json.loads((HERE / "source/compose.json").read_text())["services"]
    return found


def up(_: list[str], names: list[str]) -> int:
    """The logins are made; unless that is all, the step that migrates has ended well, and the rest runs as said."""
    if not (HERE / "database").exists():
        (HERE / "database").mkdir()
        script = services()["database"]["volumes"][1].split(":")[0]
        address = ["--host", machine()["socket"], "--username", "postgres", "--set", "ON_ERROR_STOP=1"]
        loading = [f"{machine()['programs']}/psql", *address, "--file", str(script)]
        subprocess.run(loading, env=environment_of("database"), check=True)
    if names == ["database"]:
        return 0
    changed = [name for name in RUN_ON if not is_as_said(name)]
    stop_services([], changed)
    subprocess.run(as_in("migrate"), env=environment_of("migrate"), check=True)
    for name in changed:
        (HERE / f"{name}.json").write_text(json.dumps(environment_of(name)))
        spawn(name, as_in(name), environment_of(name), "/")
    return curl([f"http://127.0.0.1:{machine()['container-port']}/health/ready"])


def is_as_said(service: str) -> bool:
    """Whether it runs with the settings that it should have now."""
    known = HERE / f"{service}.json"
    return (HERE / f"{service}.pid").exists() and known.read_text() == json.dumps(environment_of(service))


def environment_of(service: str) -> dict[str, str]:
    """What the image, the file of settings and compose.yaml give it, its database being the one of the test."""
    passwords = settings_of(HERE / "source/.env")
    found = dict(re.findall(r"(PEER_SUPPORT_\w+)=(\S+)", (HERE / "source/Dockerfile").read_text()))
    for file in services()[service].get("env_file", []):
        found |= settings_of(HERE / "source" / re.sub(r"^\$\{SETTINGS_FILE:-(.*)\}$", r"\1", file))
    said: dict[str, str] = services()[service]["environment"]
    found |= {name: re.sub(r"\$\{(\w+):\?\}", lambda match: passwords[match[1]], said[name]) for name in said}
    found = {
        name: value.replace("@database/peer_support", machine()["at"]) if "DATABASE" in name else inside(service, value)
        for name, value in found.items()
    }
    return {"PATH": os.environ["PATH"], "STANDING_IN": str(HERE)} | found


def as_in(service: str, command: list[str] | None = None) -> list[str]:
    """A command as it runs in the container of this service."""
    words: list[str] = command or services()[service]["command"]
    words = [inside(service, word).replace("8000", machine()["container-port"]) for word in words]
    return [re.sub(r"(^|\s)peer-support(?= )|^peer-support$", rf"\g<1>{machine()['peer-support']}", w) for w in words]


def inside(service: str, text: str) -> str:
    """A text in which the container's paths are those where they lie here: in its volume, if it has one there."""
    volumes = [volume.split(":") for volume in services()[service].get("volumes", [])]
    mounted = {place: name for name, place, *_ in volumes}

    def here(match: re.Match[str]) -> str:
        volume = HERE / "volumes" / mounted.get(match[0], f"{service}-{match[0][1:]}")
        if not volume.exists():
            volume.mkdir(parents=True)
            volume.chmod(0o711)
        return str(volume)

    return re.sub(r"(?<![\w./-])/(data|backups|tmp)\b", here, text)


RUN_ON = ("api", "worker")
"""Services that do not end by themselves."""
COMPOSE: dict[str, Callable[[list[str], list[str]], int]] = {
    "build": build,
    "cp": copy,
    "exec": execute,
    "logs": logs,
    "ps": ps,
    "run": run,
    "stop": stop_services,
    "up": up,
}
PROGRAMS = {
    "sudo": plain,
    "runuser": plain,
    "apt-get": apt_get,
    "psql": psql,
    "useradd": nothing,
    "chown": nothing,
    "install": install,
    "python3": python3,
    "venv": venv,
    "systemctl": systemctl,
    "journalctl": journalctl,
    "curl": curl,
    "docker": docker,
}

if __name__ == "__main__":
    with (HERE / "calls").open("a") as calls:
        calls.write(shlex.join(sys.argv[1:]) + "\n")
    sys.exit(PROGRAMS[sys.argv[1]](sys.argv[2:]))
