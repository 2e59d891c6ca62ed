"""Passwords: how hard to guess they must be, and how they are kept so that nobody can read them."""

import re
import threading
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from passlib.context import CryptContext
from zxcvbn import zxcvbn

SHORTEST: Final = 12  # characters, after Unicode composition
LONGEST: Final = 128
MINIMUM_SCORE: Final = 3  # of zxcvbn's 0 to 4: over 10^8 guesses, "safely unguessable"
_LONGEST_RATED = 72  # zxcvbn refuses more; what follows can only make the password stronger

_ARGON2ID = "$argon2id$"
_WORDS = re.compile(r"[^\W_]{3,}")

_Answer = TypeVar("_Answer")

# Each hashing takes a core and its memory for a fifth of a second: two at a time leave room for the service.
_AT_ONCE = 2
_limiter: RunVar[CapacityLimiter] = RunVar("password_limiter")
# zxcvbn keeps the words about the person in a module-wide table while it rates.
_rating = threading.Lock()


class PasswordFault(StrEnum):
    """Why a new password is refused."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    UNUSABLE_CHARACTERS = "unusable_characters"
    TOO_EASY_TO_GUESS = "too_easy_to_guess"


class PasswordTooWeak(ValueError):
    """The new password is refused; the message says why and never repeats it."""

    def __init__(self, fault: PasswordFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True)
class PasswordHasher:
    """Keeps and checks passwords as argon2id hashes.

    The costs are those of RFC 9106's second recommended option (3 passes over 64 MiB), in one lane: one
    core each.
    """

    time_cost: int = 3
    memory_kib: int = 64 * 1024
    _context: CryptContext = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        context = CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__rounds=self.time_cost,
            argon2__memory_cost=self.memory_kib,
            argon2__parallelism=1,
        )
        object.__setattr__(self, "_context", context)

    def hash_now(self, password: str) -> str:
        """The hash of a password already checked. About 0.2 s: requests use `hash`, in a thread."""
        return str(self._context.hash(unicodedata.normalize("NFC", password)))

    def verify_now(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether it is the password, and a fresh hash to store instead where the costs have changed.

        Without a stored hash, or with an unusable one, it takes as long and says no, so that the time tells
        nobody whether an account exists.
        """
        composed = _composed(password)
        if composed is None or stored is None or not stored.startswith(_ARGON2ID):
            self._context.dummy_verify()
            return False, None
        try:
            is_right, fresh = self._context.verify_and_update(composed, stored)
        except (ValueError, TypeError, NotImplementedError):
            # A damaged hash; passlib's message would carry it into the log.
            return False, None
        return bool(is_right), fresh

    async def hash(self, password: str, *, about: Iterable[str] = ()) -> str:
        """The hash of a new, strong password; `about` are the person's names and e-mail address.

        Raises PasswordTooWeak.
        """
        words = list(about)

        def check_and_hash() -> str:
            check_strength(password, about=words)
            return self.hash_now(password)

        return await _in_thread(check_and_hash)

    async def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """As `verify_now`, in a thread."""
        return await _in_thread(lambda: self.verify_now(password, stored))


def check_strength(password: str, *, about: Iterable[str] = ()) -> None:
    """Nothing happens to a password of 12 to 128 characters that is hard to guess.

    Words of `about` (names, e-mail address) count as guessed. Raises PasswordTooWeak.
    """
    if len(password) > 4 * LONGEST:  # before any work is spent on composing it
        raise PasswordTooWeak(PasswordFault.TOO_LONG, f"A password has at most {LONGEST} characters.")
    composed = unicodedata.normalize("NFC", password)
    if len(composed) < SHORTEST:
        raise PasswordTooWeak(PasswordFault.TOO_SHORT, f"A password has at least {SHORTEST} characters.")
    if len(composed) > LONGEST:
        raise PasswordTooWeak(PasswordFault.TOO_LONG, f"A password has at most {LONGEST} characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in composed):
        raise PasswordTooWeak(
            PasswordFault.UNUSABLE_CHARACTERS, "A password has no control characters or broken characters."
        )
    known = [word for text in about for word in (text, *_WORDS.findall(text))]
    with _rating:
        rated = zxcvbn(composed[:_LONGEST_RATED], user_inputs=known)
    if rated["score"] < MINIMUM_SCORE:
        hint = rated["feedback"]["warning"] or "Three random words are hard to guess and easy to remember."
        raise PasswordTooWeak(PasswordFault.TOO_EASY_TO_GUESS, f"The password is too easy to guess. {hint}")


def _composed(password: str) -> str | None:
    """The password in the form that was hashed; None if no password could be so."""
    if len(password) > 4 * LONGEST:
        return None
    composed = unicodedata.normalize("NFC", password)
    is_unusable = any(unicodedata.category(character) == "Cs" for character in composed)
    return None if len(composed) > LONGEST or is_unusable else composed


async def _in_thread(work: Callable[[], _Answer]) -> _Answer:
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = CapacityLimiter(_AT_ONCE)
        _limiter.set(limiter)
    return await to_thread.run_sync(work, limiter=limiter)
