"""The short reference a person can read out over the phone, like PM-7K3Q-97, and that notices a slip.

Five characters are drawn at random and the sixth checks them, all from 23 symbols: digits and capitals, one
of each group that is taken for one another (Q 0 O D, 2 Z, 5 S, 6 G, 8 B, V U), none of 1 I L, and no vowels,
so that no word appears. 23 is prime: the check notices every wrong character and every two swapped ones.

There are 23^5 = 6,436,343 references. Two referrals may draw the same one (with a million referrals, one draw
in six or seven): the column is unique, and the caller draws again on a unique violation. A reference is a
name, not a secret: knowing one gives access to nothing.
"""

import secrets
from collections.abc import Callable

ALPHABET = "23456789CFHJKMNPQRTVWXY"
SPACE = len(ALPHABET) ** 5

_PREFIX = "PM"
_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}
# All different and none a multiple of 23: that is what makes swapped characters show.
_WEIGHTS = (6, 5, 4, 3, 2, 1)
_LOOKALIKES = str.maketrans("ODZSGBU0", "QQ2568VQ")
_SEPARATORS = str.maketrans("", "", " \t\r\n\u00a0-\u2010\u2011\u2012\u2013\u2014\u2212_./")


def new_reference(draw: Callable[[int], int] = secrets.randbelow) -> str:
    """A fresh reference; `draw(n)` gives a number from 0 to n - 1."""
    number = draw(SPACE)
    symbols = ""
    for _ in range(5):
        number, value = divmod(number, len(ALPHABET))
        symbols += ALPHABET[value]
    return _written(symbols + ALPHABET[-_weighted(symbols) % len(ALPHABET)])


def parse(text: str) -> str:
    """The reference as it is stored, from what somebody typed.

    Case, spaces, hyphens and the prefix do not matter, and a lookalike is read as the symbol meant. Raises
    ValueError when it has not six symbols of the alphabet, or when the check says that one is wrong.
    """
    symbols = text.translate(_SEPARATORS)
    if not symbols.isascii():
        raise ValueError("A reference has letters A to Z and digits only")
    symbols = symbols.upper()
    if len(symbols) == len(_PREFIX) + len(_WEIGHTS):
        symbols = symbols.removeprefix(_PREFIX)
    symbols = symbols.translate(_LOOKALIKES)
    if len(symbols) != len(_WEIGHTS) or not _VALUES.keys() >= set(symbols):
        raise ValueError("A reference looks like PM-7K3Q-97")
    if _weighted(symbols) % len(ALPHABET) != 0:
        raise ValueError("The reference has a wrong or swapped character")
    return _written(symbols)


def _weighted(symbols: str) -> int:
    # A reference whose check character is still missing weighs its first five.
    return sum(_VALUES[symbol] * weight for symbol, weight in zip(symbols, _WEIGHTS, strict=False))


def _written(symbols: str) -> str:
    return f"{_PREFIX}-{symbols[:4]}-{symbols[4:]}"
