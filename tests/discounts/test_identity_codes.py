"""Identity codes: how long they live, that nobody but us makes one, and that nobody but us reads one."""

import base64
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from app.db.base import new_id
from app.discounts import codes
from app.discounts.codes import Code, Confirmation
from app.security import sealed_tokens
from app.security.keys import KeyRing, MasterKeys

NOW = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)  # the beginning of a step
MEMBER, STORE, CLERK = new_id(), new_id(), new_id()


def ring(cipher: str = "aes-256-gcm") -> KeyRing:
    return KeyRing(MasterKeys({"s1": secrets.token_bytes(32)}), MasterKeys({"f1": secrets.token_bytes(32)}), cipher)


RING = ring()


@pytest.mark.parametrize("into", [0, 1, 29])
def test_a_code_lives_through_its_step_and_the_next(into: int) -> None:
    made = NOW + timedelta(seconds=into)
    token, expires_at = codes.code(RING, member_id=MEMBER, now=made)
    read = codes.read(RING, token)
    assert isinstance(read, Code) and read.member_id == MEMBER
    assert expires_at == NOW + timedelta(seconds=60) and timedelta(seconds=30) <= expires_at - made <= timedelta(seconds=60)
    assert not read.too_old(made) and not read.too_old(NOW + timedelta(seconds=59.9))
    assert read.too_old(NOW + timedelta(seconds=60)) and read.too_old(NOW - timedelta(seconds=1))


def test_a_confirmation_dies_three_minutes_after_the_scan_however_often_it_is_renewed() -> None:
    ids = {"member_id": MEMBER, "store_id": STORE, "clerk_id": CLERK}
    token = codes.confirmation(RING, **ids, made_at=codes.seconds_of(NOW))
    late = NOW + timedelta(seconds=170)
    first = codes.read(RING, token)
    assert isinstance(first, Confirmation) and not first.too_old(late)
    second = codes.read(RING, codes.confirmation(RING, **ids, made_at=first.scanned_at(late)))
    assert isinstance(second, Confirmation) and (second.member_id, second.store_id, second.clerk_id) == (MEMBER, STORE, CLERK)
    assert second.once != first.once and second.too_old(NOW + timedelta(seconds=181))


@pytest.mark.parametrize("cipher", ["aes-256-gcm", "sm4-gcm"])
def test_two_codes_of_one_member_have_nothing_in_common_and_say_nothing(cipher: str) -> None:
    keys = ring(cipher)
    first, second = (base64.urlsafe_b64decode(codes.code(keys, member_id=MEMBER, now=NOW)[0] + "==") for _ in range(2))
    pieces = [{content[at : at + 4] for at in range(len(content) - 3)} for content in (first, second)]
    assert not pieces[0] & pieces[1]
    assert not any(MEMBER.bytes[at : at + 4] in content for content in (first, second) for at in range(13))


def test_every_changed_byte_and_every_other_spelling_is_a_forgery() -> None:
    token, _ = codes.code(RING, member_id=MEMBER, now=NOW)
    content = base64.urlsafe_b64decode(token + "==")
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        assert codes.read(RING, base64.urlsafe_b64encode(changed).rstrip(b"=").decode()) is None
    for text in (token + "=", token[:-1], token + "A", "", "x", "é" * 10, token.swapcase(), base64.b64encode(content).decode()):
        assert text == token or codes.read(RING, text) is None


def test_a_purpose_a_ring_and_a_suite_of_its_own() -> None:
    token, _ = codes.code(RING, member_id=MEMBER, now=NOW)
    assert sealed_tokens.read(RING, "another-purpose", token) is None and codes.read(ring(), token) is None
    later = KeyRing(MasterKeys({"s2": secrets.token_bytes(32), **RING.secret.keys}), RING.field, "sm4-gcm")
    assert codes.read(later, token) == codes.read(RING, token)
    assert codes.read(RING, codes.code(later, member_id=MEMBER, now=NOW)[0]) is None
