"""The image, the services of compose.yaml, the unit and the proxies' files are what they should be, as far as is told
without an engine, an init system or a name."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from scripts.generated_docs import DOCS, ROOT
from tests.servers import a_place

DOCKERFILE = ROOT / "Dockerfile"
OPERATIONS = DOCS / "operations"
UNIT = OPERATIONS / "peer-support.service"
EXPOSURE = 20
"""Of 100; systemd calls up to 40 ok."""


def program(name: str) -> str:
    """Where a program is; a test that needs one that is not here says so."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str) -> None:
    """The command has nothing to say against it."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """What compose.yaml says."""
    said: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return said


def test_the_linter_has_nothing_to_say_against_the_image() -> None:
    run(program("hadolint"), str(DOCKERFILE))
    assert "hadolint" not in DOCKERFILE.read_text(), "and nothing is hidden from it"


def test_the_image_installs_only_what_has_a_hash_and_runs_as_nobody_in_particular() -> None:
    said = DOCKERFILE.read_text()
    installs = re.findall(r"pip install .*", said)
    assert all("--require-hashes" in line or "--no-deps -e ." in line for line in installs)
    _, build, final = re.split(r"^FROM ", said, flags=re.MULTILINE)
    assert "pip install" in build
    assert "pip install" not in final
    assert re.search(r"^USER 10001$", final, flags=re.MULTILINE)
    for instruction in ("CMD", "HEALTHCHECK .*\n +CMD"):
        assert re.search(rf'^{instruction} \["', final, flags=re.MULTILINE), f"{instruction} starts no shell"


def test_the_image_is_made_of_what_the_builder_is_shown() -> None:
    shown = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE.read_text(), flags=re.MULTILINE)
    assert {name for line in copied for name in line.split()} == shown
    assert all((ROOT / name).exists() for name in shown)


def test_each_service_of_ours_can_write_to_its_volumes_only_and_has_no_privilege(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"database", "migrate", "api", "worker"}
    for name, service in compose["services"].items():
        assert service["read_only"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        if name != "database":
            assert (service["cap_drop"], service["user"]) == (["ALL"], "10001:10001"), name


def test_what_serves_does_not_know_the_owners_login(compose: dict[str, Any]) -> None:
    knowing = {name for name, service in compose["services"].items() if "OWNER" in str(service["environment"])}
    assert knowing == {"database", "migrate", "worker"}


def test_only_this_machine_reaches_the_port(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:8000:8000"]


def test_compose_passes_on_every_setting_and_decides_four_itself(compose: dict[str, Any]) -> None:
    ours = {name: service for name, service in compose["services"].items() if name != "database"}
    assert {str(service["env_file"]) for service in ours.values()} == {"['${SETTINGS_FILE:-settings.env}']"}
    known = {name.upper() for name in Settings.model_fields}
    decided = {name.removeprefix("PEER_SUPPORT_") for service in ours.values() for name in service["environment"]}
    assert decided & known == {"DATABASE_URL", "DATABASE_OWNER_URL", "DATA_DIR", "BACKUP_DIR"}
    assert decided - known == {"FORWARDED_ALLOW_IPS"}
    assert set(re.findall(r"PEER_SUPPORT_(\w+)=", DOCKERFILE.read_text())) <= known


def test_each_login_of_the_database_has_a_password_of_its_own(compose: dict[str, Any]) -> None:
    said = compose["services"]["database"]["environment"]
    assert len(said) == len(set(said.values())) == 3
    assert not compose["services"]["database"].get("env_file")


def test_what_answers_the_internet_cannot_read_where_a_private_key_may_lie(compose: dict[str, Any]) -> None:
    volumes = {name: set(service["volumes"]) for name, service in compose["services"].items()}
    assert volumes["api"] == {"api:/data", "backups:/backups:ro"}
    assert volumes["worker"] == {"worker:/data", "backups:/backups"}


def test_no_file_is_made_by_compose_itself_which_a_root_that_is_read_only_would_refuse(compose: dict[str, Any]) -> None:
    assert "configs" not in compose
    assert "secrets" not in compose


def test_compose_itself_reads_the_file() -> None:
    docker = program("docker")
    if subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker is here without Compose")
    subprocess.run(
        [docker, "compose", "--file", str(ROOT / "compose.yaml"), "config", "--quiet"],
        env={
            "PATH": str(Path(docker).parent),
            "SETTINGS_FILE": os.devnull,
            **{f"{login}_PASSWORD": login for login in ("SUPERUSER", "OWNER", "API")},
        },
        check=True,
    )


def test_systemd_understands_the_unit_and_finds_it_closed() -> None:
    analyze = program("systemd-analyze")
    with a_place() as place:
        there = place / UNIT.name  # the command has to exist where it is looked for
        there.write_text(UNIT.read_text().replace("/opt/peer-support/current/.venv/bin/peer-support", sys.executable))
        run(analyze, "verify", str(there))
        run(analyze, "security", "--offline=true", f"--threshold={EXPOSURE}", str(there))


def test_the_unit_writes_where_the_settings_say() -> None:
    settings = (OPERATIONS / "new-settings").read_text()
    unit = UNIT.read_text()
    assert "PEER_SUPPORT_DATA_DIR='/var/lib/peer-support'" in settings
    assert "StateDirectory=peer-support" in unit
    assert "PEER_SUPPORT_BACKUP_DIR='/var/backups/peer-support'" in settings
    assert "ReadWritePaths=-/var/backups/peer-support" in unit


def test_caddy_understands_its_two_lines() -> None:
    assert len((OPERATIONS / "Caddyfile").read_text().splitlines()) == 2
    run(program("caddy"), "validate", "--adapter", "caddyfile", "--config", str(OPERATIONS / "Caddyfile"))


def test_nginx_understands_its_file() -> None:
    nginx, openssl = program("nginx"), program("openssl")
    with a_place() as place:
        new = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=peer.example.org"]
        run(*new, "-keyout", str(place / "privkey.pem"), "-out", str(place / "fullchain.pem"))
        ours = (OPERATIONS / "nginx.conf").read_text().replace("/etc/letsencrypt/live/peer.example.org", str(place))
        (place / "ours.conf").write_text(ours)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        inner = "".join(f"{kind}_temp_path {place}/{kind}; " for kind in kinds) + f"include {place}/ours.conf;"
        whole = f"error_log {place}/log; pid {place}/pid; events {{}} http {{ access_log off; {inner} }}"
        (place / "nginx.conf").write_text(whole)
        run(nginx, "-t", "-q", "-c", str(place / "nginx.conf"))


@pytest.mark.parametrize("script", ["install-version", "new-settings", "peer-support", "rotate-key"])
def test_the_scripts_run_in_any_shell_of_the_standard(script: str) -> None:
    path = OPERATIONS / script
    run("sh", "-n", str(path))
    assert path.read_text().startswith("#!/bin/sh\n")
    assert path.stat().st_mode & 0o111
