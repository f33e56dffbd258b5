"""Tokens at the till: how long they live, and that nobody but us makes one."""

import base64
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from app.db.base import new_id
from app.redemptions import tickets
from app.redemptions.tickets import Confirmation, Ticket
from app.security.keys import KeyRing, MasterKeys

RING = KeyRing(MasterKeys({"s1": secrets.token_bytes(32)}), MasterKeys({"f1": secrets.token_bytes(32)}))
NOW = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)  # the beginning of a step
ORDER, STORE, CLERK = new_id(), new_id(), new_id()


@pytest.mark.parametrize("into", [0, 1, 29])
def test_a_ticket_lives_through_its_step_and_the_next(into: int) -> None:
    made = NOW + timedelta(seconds=into)
    token, expires_at = tickets.ticket(RING, redemption_id=ORDER, uses=0, now=made)
    read = tickets.read(RING, token)
    assert isinstance(read, Ticket) and read.redemption_id == ORDER
    assert expires_at == NOW + timedelta(seconds=60) and timedelta(seconds=30) <= expires_at - made <= timedelta(seconds=60)
    assert not read.too_old(made) and not read.too_old(NOW + timedelta(seconds=59.9))
    assert read.too_old(NOW + timedelta(seconds=60)) and read.too_old(NOW - timedelta(seconds=1))


def test_a_confirmation_lives_three_minutes_and_says_for_whom() -> None:
    token = tickets.confirmation(RING, redemption_id=ORDER, store_id=STORE, clerk_id=CLERK, typed=True, uses=0, now=NOW)
    read = tickets.read(RING, token)
    assert isinstance(read, Confirmation)
    assert (read.redemption_id, read.store_id, read.clerk_id, read.typed) == (ORDER, STORE, CLERK, True)
    assert not read.too_old(NOW + timedelta(seconds=180)) and read.too_old(NOW + timedelta(seconds=181))


@pytest.mark.check("S33", part=True)
def test_every_changed_byte_and_every_other_spelling_is_a_forgery() -> None:
    token, _ = tickets.ticket(RING, redemption_id=ORDER, uses=0, now=NOW)
    content = base64.urlsafe_b64decode(token + "==")
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        assert tickets.read(RING, base64.urlsafe_b64encode(changed).rstrip(b"=").decode()) is None
    for text in (token + "=", token[:-1], token + "A", "", "x", "é" * 10, token.swapcase(), base64.b64encode(content).decode()):
        assert text == token or tickets.read(RING, text) is None


def test_another_ring_signs_nothing_for_us_and_an_old_key_still_reads() -> None:
    token, _ = tickets.ticket(RING, redemption_id=ORDER, uses=0, now=NOW)
    foreign = KeyRing(MasterKeys({"s1": secrets.token_bytes(32)}), RING.field)
    rotated = KeyRing(MasterKeys({"s2": secrets.token_bytes(32), **RING.secret.keys}), RING.field)
    assert tickets.read(foreign, token) is None
    assert tickets.read(rotated, token) == tickets.read(RING, token)
