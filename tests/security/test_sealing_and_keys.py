"""Sealed fields are bound to their row, survive key changes; keys are refused when they are no keys; passwords and one-time codes."""

import base64
import secrets
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.db.session import AsyncSession
from app.errors import RateLimited
from app.security import keys, otp, passwords, sealing, throttles
from app.security.keys import KeyRing, MasterKeys
from app.security.sealing import Unsealable
from app.security.throttles import Window
from app.settings import Settings, UnsafeSettings

CIPHERS = ("aes-256-gcm", "sm4-gcm")


def masters(*names: str) -> MasterKeys:
    return MasterKeys({name: secrets.token_bytes(32) for name in names})


def carrying(field: MasterKeys, cipher: str = "aes-256-gcm") -> AsyncSession:
    return cast(AsyncSession, SimpleNamespace(info={"keys": KeyRing(masters("s1"), field, cipher)}))


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.check("S43", part=True)
def test_a_sealed_value_opens_in_its_own_row_only(cipher: str) -> None:
    session, row = carrying(masters("f1"), cipher), uuid4()
    sealed = sealing.seal(session, "13800138000", table="account", column="phone", row=row)
    assert sealing.unseal(session, sealed, table="account", column="phone", row=row) == "13800138000"
    assert b"13800138000" not in sealed
    for table, column, other in (("account", "phone", uuid4()), ("account", "openid", row), ("member", "phone", row)):
        with pytest.raises(Unsealable):
            sealing.unseal(session, sealed, table=table, column=column, row=other)
    for at in range(len(sealed)):  # version, algorithm, key id, nonce, text, tag: nothing may be another
        with pytest.raises(Unsealable):
            changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
            sealing.unseal(session, changed, table="account", column="phone", row=row)
        with pytest.raises(Unsealable):
            sealing.unseal(session, sealed[:at], table="account", column="phone", row=row)


@pytest.mark.parametrize("cipher", CIPHERS)
def test_both_ciphers_are_read_whichever_seals(cipher: str) -> None:
    """The setting changes as a key does: what was sealed and indexed by the other is still opened and found."""
    keys_, row = masters("f1"), uuid4()
    writer, other = (carrying(keys_, one) for one in (cipher, *(one for one in CIPHERS if one != cipher)))
    sealed = sealing.seal(writer, "x", table="t", column="c", row=row)
    assert sealing.unseal(other, sealed, table="t", column="c", row=row) == "x"
    assert sealing.made_under(sealed) == sealing.active(writer) != sealing.active(other)
    index = sealing.blind_index(writer, "x", purpose="phone")
    assert index in sealing.blind_indexes(other, "x", purpose="phone") and index != sealing.blind_index(other, "x", purpose="phone")


def test_old_values_and_indexes_survive_a_new_key() -> None:
    old, row = masters("f1"), uuid4()
    turned = MasterKeys({"f2": secrets.token_bytes(32), **old.keys})
    sealed = sealing.seal(carrying(old), "x", table="t", column="c", row=row)
    assert sealing.unseal(carrying(turned), sealed, table="t", column="c", row=row) == "x"
    before, after = (sealing.blind_index(carrying(ring), "x", purpose="phone") for ring in (old, turned))
    sought = sealing.blind_indexes(carrying(turned), "x", purpose="phone")
    assert before != after == sought[0] and before in sought, "made under the new key, found under both"
    assert not set(sought) & set(sealing.blind_indexes(carrying(turned), "x", purpose="openid"))
    assert len({*sought, *sealing.blind_indexes(carrying(turned), "y", purpose="phone")}) == 2 * len(sought)
    with pytest.raises(Unsealable):
        sealing.unseal(carrying(masters("f3")), sealed, table="t", column="c", row=row)


def test_signatures_are_of_one_purpose() -> None:
    ring = KeyRing(masters("s2", "s1"), masters("f1"))
    made = sealing.sign(ring, "ticket", b"message")
    assert sealing.verify_signature(ring, "ticket", b"message", made)
    assert not sealing.verify_signature(ring, "link", b"message", made)
    assert not sealing.verify_signature(ring, "ticket", b"message", made[:8])
    assert not sealing.verify_signature(ring, "ticket", b"message", b"")


@pytest.mark.parametrize(
    "text",
    ["", "k1", "k1:", "k1:AAAA", "k1:not base64!", f"k1:{base64.b64encode(b'a' * 32).decode()}",
     f"sample:{base64.b64encode(bytes(range(32))).decode()}", f":{base64.b64encode(bytes(range(32))).decode()}",
     f"k1:{base64.b64encode(bytes(range(32))).decode()},k1:{base64.b64encode(bytes(range(1, 33))).decode()}"],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(UnsafeSettings):
        keys.parse(text)


def test_keys_are_generated_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first, second = keys.load(settings), keys.load(settings)
    assert first.secret.keys == second.secret.keys != first.field.keys
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    shared = f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
    with pytest.raises(UnsafeSettings):
        keys.load(Settings(data_dir=tmp_path, secret_keys=shared, field_keys=shared))


def test_a_fresh_key_is_a_key() -> None:
    first, second = keys.fresh("k2"), keys.fresh("k2")
    assert first != second and keys.parse(f"{first},{second.replace('k2', 'k3')}").active == "k2"
    with pytest.raises(UnsafeSettings):
        keys.fresh("")


def test_one_time_codes_follow_the_rfc() -> None:
    """RFC 6238, appendix B, cut to six digits."""
    secret = b"12345678901234567890"
    for at, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert otp.step_of(secret, code, at=at, last_step=0) == at // 30


def test_a_one_time_code_works_once_and_near_its_time() -> None:
    secret, at = otp.new_secret(), 1_800_000_000.0
    step = int(at) // 30
    codes = {offset: otp.code_at(secret, step + offset) for offset in (-2, -1, 0, 1, 2)}
    assert [otp.step_of(secret, codes[n], at=at, last_step=0) for n in (-2, -1, 0, 1, 2)] == [None, step - 1, step, step + 1, None]
    assert otp.step_of(secret, codes[0], at=at, last_step=step) is None
    assert otp.step_of(secret, codes[0], at=at - 60, last_step=step) is None, "a clock that jumped back revives nothing"
    wide = "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in codes[0])
    assert otp.step_of(secret, otp.normalise(wide), at=at, last_step=0) is None
    assert otp.step_of(secret, otp.normalise(f" {codes[0][:3]} {codes[0][3:]} "), at=at, last_step=0) == step


def test_recovery_codes() -> None:
    codes = otp.new_recovery_codes()
    assert len(set(codes)) == 10 and all(otp.is_recovery_code(otp.normalise(code.lower())) for code in codes)
    assert not otp.is_recovery_code("123456")
    one, other = uuid4(), uuid4()
    made = otp.recovery_hash(one, otp.normalise(codes[0]))
    assert made == otp.recovery_hash(one, otp.normalise(codes[0].lower())) and len(made) == 33
    assert made not in (otp.recovery_hash(one, otp.normalise(codes[1])), otp.recovery_hash(other, otp.normalise(codes[0])))


async def test_passwords() -> None:
    kept = await passwords.hash_password("correct horse 电池")
    assert kept.startswith("$argon2id$") and "m=19456,t=2,p=1" in kept
    assert await passwords.matches("correct horse 电池", kept)
    assert not await passwords.matches("correct horse", kept)
    assert not await passwords.matches("correct horse 电池", None)


@pytest.mark.parametrize("weak", ["short", "passwordpassword1", "aaaaaaaaaaaaaaaaaa", "the admin-zhang pass phrase", "x" * 129])
def test_weak_passwords_are_refused_in_production(weak: str) -> None:
    assert passwords.weakness(weak, username="admin-zhang", production=True)
    assert passwords.weakness("a long enough phrase", username="admin-zhang", production=True) is None


async def test_a_limit_counts_and_forgets(session: AsyncSession) -> None:
    key = f"test:{uuid4()}"
    for _ in range(3):
        await throttles.take(session, key, limit=3, period_s=60)
    with pytest.raises(RateLimited) as refused:
        await throttles.take(session, key, limit=3, period_s=60)
    assert 55 <= (refused.value.retry_after or 0) <= 60
    connection: Any = await session.connection()
    age = sa.text("update throttle_hit set created_at = created_at - :by where key = :key")
    age = age.bindparams(sa.bindparam("by", type_=sa.Interval))
    await connection.execute(age, {"key": key, "by": timedelta(seconds=61)})
    await throttles.take(session, key, limit=3, period_s=60)
    await connection.execute(age, {"key": key, "by": timedelta(days=3)})
    assert await throttles.sweep(session) >= 4
    assert await throttles.failures(session, key, 86_400) == 0


def test_several_windows_wait_for_the_longest() -> None:
    windows = (Window(2, 60), Window(4, 3_600))
    assert throttles.wait_in_windows([1.0], windows) == 0
    assert throttles.wait_in_windows([1.0, 10.0], windows) == 50
    assert throttles.wait_in_windows([100.0, 200.0, 300.0, 400.0], windows) == 3_200
    assert timedelta(seconds=3_600) < throttles.KEPT
