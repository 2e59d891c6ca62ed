"""The keys of backups: public ones close them, private ones, kept elsewhere, open them."""

import os
from pathlib import Path

from pyrage import IdentityError, RecipientError
from pyrage.x25519 import Identity, Recipient

from app import installation
from app.keeping.failures import KeepingFailed
from app.settings import Settings

KEPT_IN_DEVELOPMENT = "backup-identity"


def recipients(settings: Settings) -> list[Recipient]:
    """Whose keys open the backups: those of the settings; in development one made once and kept with the data."""
    if settings.backup_recipients:
        return [_recipient(text) for text in settings.backup_recipients]
    if settings.environment == "production":
        raise KeepingFailed(
            "No backup is made without a key: a backup holds people's health data. Make a pair with "
            "`peer-support backup-key FILE`, keep the file away from this machine, and put the public key it "
            "prints into PEER_SUPPORT_BACKUP_RECIPIENTS."
        )
    return [identity.to_public() for identity in identities(identity_file(settings))]


def _recipient(text: str) -> Recipient:
    try:
        return Recipient.from_str(text)
    except RecipientError:
        raise KeepingFailed(
            f"PEER_SUPPORT_BACKUP_RECIPIENTS: {text[:12]}… is no public key of age; one begins with age1."
        ) from None


def identity_file(settings: Settings) -> Path:
    """Where the private key lies; KeepingFailed where it is not on this machine, as is right in production."""
    if settings.backup_identity_file is not None:
        return settings.backup_identity_file
    if settings.environment == "production" or settings.backup_recipients:
        raise KeepingFailed(
            "The private key that opens the backups is not on this machine. "
            "Fetch the file that `peer-support backup-key` made, and name it with --identity."
        )
    made = settings.data_dir / KEPT_IN_DEVELOPMENT
    installation.kept(made, lambda: _text(Identity.generate()))
    return made


def identities(file: Path) -> list[Identity]:
    """The private keys in a file; KeepingFailed without any."""
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
    except (OSError, UnicodeDecodeError):
        raise KeepingFailed(f"The file of the private key, {file}, cannot be read.") from None
    try:
        found = [Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except IdentityError:
        found = []
    if not found:
        raise KeepingFailed(f"{file} holds no private key of age; its line begins with AGE-SECRET-KEY-1.")
    return found


def make(file: Path) -> str:
    """A new pair: the private key in a file that did not exist, for its owner only; returns the public key."""
    identity = Identity.generate()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeepingFailed(f"{file} is there already, and a key that is lost opens no backup. Name another.") from None
    except OSError:
        raise KeepingFailed(f"{file} cannot be written.") from None
    with os.fdopen(descriptor, "w") as kept:
        kept.write(_text(identity))
    return str(identity.to_public())


def _text(identity: Identity) -> str:
    """As age-keygen writes it, so that age opens a backup too."""
    return f"# public key: {identity.to_public()}\n{identity}\n"
