"""SM4-GCM by the published vectors, through our own suite; and what happens on a machine that has no SM4."""

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from app import settings as settings_module
from app.security import ciphers
from app.settings import Settings

KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
NONCE = bytes.fromhex("00001234567800000000abcd")
BOUND = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
PLAIN = bytes.fromhex("".join(pair * 8 for pair in ("aa", "bb", "cc", "dd", "ee", "ff", "ee", "aa")))
BOXED = bytes.fromhex(
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
    "83de3541e4c2b58177e065a9bf7b62ec"
)


@pytest.fixture
def fresh_answer() -> Iterator[None]:
    """The answer about OpenSSL is remembered for the life of a process."""
    settings_module.openssl_has_sm4.cache_clear()
    yield
    settings_module.openssl_has_sm4.cache_clear()


def test_the_block_cipher_is_the_standards() -> None:
    """GB/T 32907-2016, appendix A.1."""
    encryptor = Cipher(algorithms.SM4(KEY), modes.ECB()).encryptor()
    assert encryptor.update(KEY).hex() == "681edf34d206965e86b3e94f536e4246"


def test_sm4_gcm_is_the_rfcs() -> None:
    """RFC 8998, appendix A.1; the tag is the end of the ciphertext."""
    assert ciphers.SM4.encrypt(KEY, NONCE, PLAIN, BOUND) == BOXED
    assert ciphers.SM4.decrypt(KEY, NONCE, BOXED, BOUND) == PLAIN


def test_hmac_sm3() -> None:
    """GB/T 15852.2's construction: HMAC over SM3, written out once more by hand."""
    from cryptography.hazmat.primitives.hashes import SM3, Hash

    def sm3(data: bytes) -> bytes:
        made = Hash(SM3())
        made.update(data)
        return made.finalize()

    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0", "GB/T 32905-2016, A.1"
    key = bytes(range(32)).ljust(64, b"\0")
    inner = sm3(bytes(one ^ 0x36 for one in key) + b"13800138000")
    assert ciphers.SM4.fingerprint(bytes(range(32)), b"13800138000") == sm3(bytes(one ^ 0x5C for one in key) + inner)


@pytest.mark.parametrize("suite", [ciphers.AES, ciphers.SM4], ids=lambda suite: suite.name)
def test_nothing_may_be_another(suite: ciphers.Suite) -> None:
    key = bytes(range(suite.size))
    boxed = suite.encrypt(key, NONCE, b"13800138000", BOUND)
    assert suite.decrypt(key, NONCE, boxed, BOUND) == b"13800138000" and len(boxed) == 11 + ciphers.TAG
    other = bytes(ciphers.NONCE)
    for attempt in (
        (key[::-1], NONCE, boxed, BOUND), (key, other, boxed, BOUND), (key, NONCE, boxed, BOUND[:-1]), (key, NONCE, boxed[:-1], BOUND),
        (key, NONCE, boxed[:10], BOUND), (key, NONCE, b"", BOUND), (key, NONCE, boxed[1:] + boxed[:1], BOUND),
    ):
        with pytest.raises(InvalidTag):
            suite.decrypt(*attempt)


@pytest.mark.parametrize("env", ["production", "development"])
def test_a_machine_without_sm4_does_not_start_with_it(env: str, monkeypatch: pytest.MonkeyPatch, fresh_answer: None) -> None:
    def refuse(*arguments: Any) -> Any:
        raise UnsupportedAlgorithm("cipher SM4 in GCM mode is not supported by this backend")

    given: dict[str, Any] = {
        "env": env, "secret_keys": "s1:x", "field_keys": "f1:x", "wechat_secret": "x", "wechat_base_url": "https://api.weixin.qq.com",
    }
    assert Settings(**given, field_cipher="sm4-gcm").field_cipher == "sm4-gcm"
    settings_module.openssl_has_sm4.cache_clear()
    monkeypatch.setattr(algorithms, "SM4", refuse)
    with pytest.raises(ValueError, match="XINXIN_FIELD_CIPHER=sm4-gcm: the OpenSSL of this machine"):
        Settings(**given, field_cipher="sm4-gcm")
    assert Settings(**given).field_cipher == "aes-256-gcm", "who does not ask for it does not need it"
    assert ciphers.available() == (ciphers.AES,)
