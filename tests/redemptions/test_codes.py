"""Codes against Crockford's own definition: the value modulo 37, and what a tired person types."""

import secrets
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db.base import new_id
from app.errors import CodeMalformed
from app.redemptions import codes, till
from app.security.keys import KeyRing, MasterKeys

RING = KeyRing(MasterKeys({"s1": secrets.token_bytes(32)}), MasterKeys({"f1": secrets.token_bytes(32)}))
SYMBOLS = st.text(codes.ALPHABET, min_size=11, max_size=11)


@pytest.mark.parametrize(
    ("value", "check"),
    [("0", "0"), ("1", "1"), ("16J", "D"), ("10", "*"), ("14", "U"), ("15", "0"), ("ZZZZZZZZZZZ", "$")],
)
def test_known_check_symbols(value: str, check: str) -> None:
    """1234 is 16J with D in Crockford's text; 32 to 36 are the five extra symbols, 37 begins again; 2**55 - 1 is 34 modulo 37."""
    assert codes.check_symbol(value) == check


@given(SYMBOLS)
def test_the_check_is_the_value_modulo_37(symbols: str) -> None:
    value = sum(codes.ALPHABET.index(symbol) * 32**place for place, symbol in enumerate(reversed(symbols)))
    assert codes.CHECK_ALPHABET.index(codes.check_symbol(symbols)) == value % 37


def test_drawn_codes_have_55_random_bits_and_a_check_that_phones_can_type() -> None:
    drawn = [codes.draw() for _ in range(500)]
    assert all(len(code) == 12 and set(code) <= set(codes.ALPHABET) and codes.normalised(code) == code for code in drawn)
    assert len(set(drawn)) == 500
    assert all(len({code[place] for code in drawn}) > 25 for place in range(11))


def test_input_is_read_kindly() -> None:
    code = next(code for code in iter(codes.draw, "") if "0" in code and "1" in code)
    typed = codes.grouped(code)
    assert len(typed) == 14 and typed[4] == typed[9] == "-"
    for text in (typed, typed.lower(), f"  {typed} ", typed.replace("-", " "), code.replace("0", "O").replace("1", "l"),
                 code.replace("0", "o").replace("1", "I"), "\u3000".join(code)):
        assert codes.normalised(text) == code


def mistyped(code: str) -> set[str]:
    """Every code with one symbol wrong, every one with two neighbours swapped."""
    wrong = {code[:place] + symbol + code[place + 1 :] for place in range(12) for symbol in codes.ALPHABET}
    return (wrong | {code[:place] + code[place + 1] + code[place] + code[place + 2 :] for place in range(11)}) - {code}


async def test_one_wrong_or_two_swapped_symbols_are_noticed_before_anything_is_looked_up() -> None:
    """The session can do nothing but name its keys: the first statement would fail otherwise."""
    session: Any = SimpleNamespace(info={"keys": RING})
    clerk: Any = None
    for code in [codes.draw() for _ in range(5)]:
        found = mistyped(code)
        assert len(found) >= 12 * 31
        for act in (till.verify, till.preview):
            for text in found:
                with pytest.raises(CodeMalformed):
                    await act(session, principal=clerk, store_id=new_id(), code=text, token=None)


@pytest.mark.parametrize("text", ["", "-", "0" * 11, "0" * 13, "U" * 12, "0000-0000-000*", "０" * 12, "ſ" * 12, "0000\x00000000", "一二三"])
def test_malformed(text: str) -> None:
    with pytest.raises(CodeMalformed):
        codes.normalised(text)
