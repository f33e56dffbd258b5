"""Codes that people type: 11 random symbols of Crockford's base32 (55 bits) and his check symbol, shown in groups of four. Pure."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHECK_ALPHABET = ALPHABET + "*~$=U"
RANDOM_SYMBOLS = 11
LENGTH = RANDOM_SYMBOLS + 1
READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None})


def check_symbol(symbols: str) -> str:
    """The value of the symbols modulo 37, as one of 37 symbols."""
    value = 0
    for symbol in symbols:
        value = value * 32 + ALPHABET.index(symbol)
    return CHECK_ALPHABET[value % 37]


def draw() -> str:
    """A new code, ungrouped. Draws whose check symbol would be one of `*~$=U` are thrown away: no phone keyboard has them at hand."""
    while True:
        symbols = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_SYMBOLS))
        check = check_symbol(symbols)
        if check in ALPHABET:
            return symbols + check


def grouped(code: str) -> str:
    """XXXX-XXXX-XXXX."""
    return "-".join(code[start : start + 4] for start in range(0, LENGTH, 4))


def read(text: str) -> str | None:
    """What was typed, as it was drawn: case, spaces and hyphens do not count, O is 0, I and L are 1.

    None for a text that is no twelve symbols. Whether the last one fits the others, `fits` says.
    """
    joined = "".join(text.split())
    if not joined.isascii():  # upper() turns some letters of other scripts into ASCII ones
        return None
    code = joined.upper().translate(READ_AS)
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None


def fits(code: str) -> bool:
    """Does the check symbol fit? One that does not was never given out: somebody mistyped."""
    return check_symbol(code[:-1]) == code[-1]
