"""The machine: room on its disks, and the certificate by which callers know it."""

import shutil
import socket
import ssl
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from app.core import clock
from app.keeping import shelf
from app.keeping.findings import Finding, bad, look, ok
from app.settings import Settings

GIGABYTE = 1_000_000_000
CONNECT_SECONDS = 5.0
CERTIFICATE_BAD, CERTIFICATE_LOOK = timedelta(days=7), timedelta(days=21)


def findings(settings: Settings) -> list[Finding]:
    """Everything about the machine."""
    newest = next(iter(shelf.backups(shelf.directory(settings))), None)
    next_backup = newest.path.stat().st_size if newest else 0
    return [
        _disk("disk of the data", settings.data_dir, 0),
        _disk("disk of the backups", shelf.directory(settings), 2 * next_backup),
        certificate(settings.public_url),
    ]


def _disk(check: str, path: Path, needed: int) -> Finding:
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    usage = shutil.disk_usage(there)
    return room(check, usage.total, usage.free, needed)


def room(check: str, total: int, free: int, needed: int) -> Finding:
    """Bad below 1 GB, a twentieth of the disk or what is needed, in bytes; worth a look below a sixth of it."""
    words = f"{free / GIGABYTE:.1f} GB free of {total / GIGABYTE:.0f}"
    if free < max(min(GIGABYTE, total // 10), needed) or free < total // 20:
        return bad(check, words, "Make room now: when the disk is full, nothing can be written any more.")
    if free < total // 6:
        return look(check, words, "Make room, or order a larger disk.")
    return ok(check, words)


def certificate(public_url: str) -> Finding:
    """How long callers will still trust the address, and whether they do."""
    check, parts = "certificate", urlsplit(public_url)
    if parts.scheme != "https" or parts.hostname is None:
        return ok(check, "none is needed: the service is not reached by https")
    place = (parts.hostname, parts.port or 443)
    try:
        expires_at = _expires_at(place)
        _trusted(place)
    except ssl.SSLCertVerificationError as error:
        return bad(check, f"callers refuse it: {error.verify_message}", "Renew it, with its whole chain.")
    except OSError:
        return look(check, f"{parts.hostname} cannot be reached from here", "Look at it from outside.")
    left = expires_at - clock.true_now()
    words = f"lasts until {expires_at:%d %B %Y}"
    if left < CERTIFICATE_BAD:
        return bad(check, words, "Renew it now: after that day nobody can reach the service.")
    if left < CERTIFICATE_LOOK:
        return look(check, words, "Renew it, and find out why that did not happen by itself.")
    return ok(check, words)


def _expires_at(place: tuple[str, int]) -> datetime:
    """Asked without trust, so that an expired certificate tells its date too."""
    anyone = ssl.create_default_context()
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    shown = _handshake(place, anyone)
    return x509.load_der_x509_certificate(shown).not_valid_after_utc


def _trusted(place: tuple[str, int]) -> None:
    _handshake(place, ssl.create_default_context())


def _handshake(place: tuple[str, int], context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection(place, CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=place[0]) as secure,
    ):
        return secure.getpeercert(binary_form=True) or b""
