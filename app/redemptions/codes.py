"""The codes of orders: those that people type (`app/security/typed_codes.py`)."""

from app.errors import CodeMalformed
from app.security.typed_codes import ALPHABET, CHECK_ALPHABET, check_symbol, draw, fits, grouped, read

__all__ = ["ALPHABET", "CHECK_ALPHABET", "check_symbol", "draw", "grouped", "normalised"]


def normalised(text: str) -> str:
    """What was typed, as it was drawn. Raises CodeMalformed for a wrong length, symbol or check: such a text was never given out."""
    code = read(text)
    if code is None or not fits(code):
        raise CodeMalformed
    return code
