"""Sealing of the few things that are kept but never listed or searched: stored answers, received messages.

AES-256-GCM; the associated data names table, row and column, so that a sealed value cannot be moved; the
key's id stands in front, so that keys can be changed while running.
"""

import hashlib
import os
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


@dataclass(frozen=True)
class Sealer:
    """The sealing keys, 32 bytes each, the one in use first."""

    keys: tuple[bytes, ...]

    @classmethod
    def from_hex(cls, keys: tuple[str, ...]) -> "Sealer":
        """From 64 hexadecimal digits each; `ValueError` for anything else."""
        parsed = tuple(bytes.fromhex(key) for key in keys)
        if not parsed or any(len(key) != 32 for key in parsed):
            raise ValueError("a sealing key is 64 hexadecimal digits")
        return cls(parsed)

    def derive(self, purpose: str) -> bytes:
        """A secret of its own for another purpose (list cursors), from the oldest key, so that it stays."""
        return hashlib.blake2b(self.keys[-1], person=purpose.encode()[:16]).digest()[:32]

    def key_ids(self) -> list[str]:
        """What the keys are known by, the one in use first; 8 hexadecimal digits each, not secret."""
        return [_key_id(key).hex() for key in self.keys]

    def seal(self, plain: bytes, table: str, row_id: UUID, column: str) -> bytes:
        """Key id (4 bytes), nonce (12), ciphertext with tag."""
        key, nonce = self.keys[0], os.urandom(12)
        return _key_id(key) + nonce + AESGCM(key).encrypt(nonce, plain, _place(table, row_id, column))

    def open(self, sealed: bytes, table: str, row_id: UUID, column: str) -> bytes:
        """The plain bytes; `KeyError` when the key is gone, cryptography's `InvalidTag` when altered."""
        key = {_key_id(k): k for k in self.keys}[sealed[:4]]
        return AESGCM(key).decrypt(sealed[4:16], sealed[16:], _place(table, row_id, column))


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"key id" + key).digest()[:4]


def _place(table: str, row_id: UUID, column: str) -> bytes:
    return f"{table}:{row_id}:{column}".encode()
