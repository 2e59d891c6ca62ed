"""The doctor looks at the certificate that callers are shown, at a real door."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.core import clock
from app.keeping.checks.machine import certificate
from app.keeping.findings import Level


def make(place: Path, days: int) -> Path:
    """A certificate for localhost that lasts so many days, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = clock.true_now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = place / "certificate.pem"
    file.write_bytes(plain + made.public_bytes(pem))
    return file


@contextmanager
def a_door(file: Path) -> Iterator[str]:
    """Shows the certificate to everybody who comes; yields its address."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def show() -> None:
            while True:
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                try:
                    context.wrap_socket(plain, server_side=True).close()
                except OSError:
                    plain.close()

        thread = Thread(target=show, daemon=True)
        thread.start()
        yield f"https://localhost:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


@pytest.mark.parametrize(
    ("days", "is_trusted", "level"),
    [(80, True, Level.OK), (15, True, Level.LOOK), (3, True, Level.BAD), (-1, True, Level.BAD), (80, False, Level.BAD)],
    ids=["good", "soon", "very-soon", "expired", "not-trusted"],
)
def test_how_long_callers_trust_the_address(
    days: int, is_trusted: bool, level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make(tmp_path, days)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with a_door(file) as url:
        assert certificate(url).level is level


def test_an_address_that_cannot_be_reached_or_needs_no_certificate() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert certificate(f"https://localhost:{port}").level is Level.LOOK
    assert certificate("http://127.0.0.1:8000").level is Level.OK
