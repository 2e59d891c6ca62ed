"""The settings that are unsafe where the service is in use; production refuses to start on the worst of them."""

from urllib.parse import urlsplit

from app.keeping import shelf
from app.keeping.failures import KeepingFailed
from app.keeping.findings import Finding, bad, look, ok
from app.keeping.keys import identity_file, recipients
from app.settings import Settings

OF_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def findings(settings: Settings) -> list[Finding]:
    """One line for each kind of danger."""
    return [_environment(settings), _doors(settings), *_backup_keys(settings), _backup_disk(settings)]


def is_public(settings: Settings) -> bool:
    """Whether others than this machine reach the service."""
    return urlsplit(settings.public_url).hostname not in OF_THIS_MACHINE


def _environment(settings: Settings) -> Finding:
    check = "environment"
    if settings.environment == "production":
        return ok(check, "production")
    if not is_public(settings):
        return ok(check, "development, reached from this machine alone")
    kept = [] if settings.sealing_keys else ["sealing keys lie with the data"]
    kept += [] if settings.signing_keys else ["signing keys lie with the data"]
    words = "; ".join(["development, and reached by others", *kept])
    return bad(check, words, "Set PEER_SUPPORT_ENVIRONMENT to production, and the keys as operations.md says.")


def _doors(settings: Settings) -> Finding:
    """Settings that open more than a service in use should; each is fine for trying things out."""
    check = "open doors"
    open_ones = [
        (settings.clock_movable, "the clock can be moved"),
        (settings.lenient_nhs_numbers, "wrong NHS numbers are taken"),
        (settings.metrics_token is None and settings.environment != "production", "metrics are open to everybody"),
        (settings.argon2_memory_kib < 19_456, "passwords are hashed too cheaply"),
    ]
    found = [words for is_open, words in open_ones if is_open]
    if not found:
        return ok(check, "none")
    words, todo = "; ".join(found), "Set these as operations.md says before people use the service."
    return bad(check, words, todo) if is_public(settings) else look(check, words, todo)


def _backup_keys(settings: Settings) -> list[Finding]:
    check = "key of the backups"
    try:
        recipients(settings)
    except KeepingFailed as error:
        return [bad(check, str(error), "")]
    try:
        file = identity_file(settings)
    except KeepingFailed:
        return [ok(check, "only the public one is here; monthly drills need the private one too")]
    if is_public(settings) or settings.environment == "production":
        todo = "Keep it elsewhere as well: when this machine is lost, so is what opens its backups."
        return [look(check, f"the private key is on this machine, in {file}", todo)]
    return [ok(check, "the private key is on this machine, as in development")]


def _backup_disk(settings: Settings) -> Finding:
    check, where = "place of the backups", shelf.directory(settings)
    if not where.exists() or settings.database_url:
        return ok(check, str(where))
    data = next(place for place in (settings.data_dir, *settings.data_dir.absolute().parents) if place.exists())
    if where.stat().st_dev != data.stat().st_dev:
        return ok(check, str(where))
    todo = "Set PEER_SUPPORT_BACKUP_DIR to another disk, or copy them away each day: a broken disk takes both."
    return look(check, f"{where} is on the disk of the data", todo)
