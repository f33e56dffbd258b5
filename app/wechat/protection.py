"""WeChat's API security (the console's "API 安全"): bodies encrypted under a shared key and signed, answers checked and opened.

AES256_GCM or SM4_GCM, and RSAwithSHA256. SM2withSM3 is not here: no library that we use has SM2. WeChat itself always signs by RSA.
"""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from app import clock

HOST = "https://api.weixin.qq.com"  # what is signed, whatever gateway stands between
IV_BYTES, TAG_BYTES, NONCE_BYTES, SALT_BYTES = 12, 16, 16, 32
FRESH_SECONDS = 300
APPID, STAMP, SERIAL, SIGNATURE = "Wechatmp-Appid", "Wechatmp-TimeStamp", "Wechatmp-Serial", "Wechatmp-Signature"
FORMER_SERIAL, FORMER_SIGNATURE = "Wechatmp-Serial-Deprecated", "Wechatmp-Signature-Deprecated"


class Unauthentic(Exception):
    """It was not signed, or not sealed, by whom it should be, for this call, just now."""


class Suite(StrEnum):
    AES256_GCM = "aes256-gcm"
    SM4_GCM = "sm4-gcm"

    @property
    def key_bytes(self) -> int:
        return 32 if self is Suite.AES256_GCM else 16

    def cipher(self, key: bytes, iv: bytes, tag: bytes | None = None) -> Cipher[modes.GCM]:
        block = algorithms.AES(key) if self is Suite.AES256_GCM else algorithms.SM4(key)
        return Cipher(block, modes.GCM(iv, tag))


@dataclass(frozen=True, slots=True)
class SharedKey:
    """`number` is the console's (编号)."""

    suite: Suite
    number: str
    key: bytes = field(repr=False)

    def seal(self, plain: bytes, about: bytes, iv: bytes | None = None) -> bytes:
        iv = iv or os.urandom(IV_BYTES)
        encryptor = self.suite.cipher(self.key, iv).encryptor()
        encryptor.authenticate_additional_data(about)
        data = encryptor.update(plain) + encryptor.finalize()
        parts = {"iv": iv, "data": data, "authtag": encryptor.tag}
        return json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()}, separators=(",", ":")).encode()

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Raises Unauthentic."""
        try:
            told = json.loads(sealed)
            iv, data, tag = (base64.b64decode(told[name], validate=True) for name in ("iv", "data", "authtag"))
            if len(iv) != IV_BYTES or len(tag) != TAG_BYTES:
                raise Unauthentic
            decryptor = self.suite.cipher(self.key, iv, tag).decryptor()
            decryptor.authenticate_additional_data(about)
            return decryptor.update(data) + decryptor.finalize()
        except (InvalidTag, ValueError, KeyError, TypeError):
            raise Unauthentic from None


@dataclass(frozen=True, slots=True)
class Protection:
    """Our side. `platform` are WeChat's public keys by number: two of them while WeChat changes its certificate."""

    appid: str
    shared: SharedKey
    own_number: str
    own: RSAPrivateKey = field(repr=False)
    platform: Mapping[str, RSAPublicKey] = field(repr=False)

    def seal(self, path: str, body: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
        """What is sent instead of the body, and the headers with it."""
        url, stamp = HOST + path, int(clock.now().timestamp())
        content = self.shared.seal(secured(body, self.appid, stamp), about(url, self.appid, stamp, self.shared.number))
        signature = sign(self.own, to_sign(url, self.appid, str(stamp), content))
        return content, {APPID: self.appid, STAMP: str(stamp), SERIAL: self.own_number, SIGNATURE: signature}

    def open(self, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The answer in the clear. An error may come as it is: nothing is believed of it but that there is one. Raises Unauthentic."""
        if SIGNATURE not in headers:
            return _plain_error(body)
        url, stamp = HOST + path, headers.get(STAMP, "")
        self._expect_signed(url, stamp, headers, body)
        if headers.get(APPID) != self.appid or not stamp.isascii() or not stamp.isdigit():
            raise Unauthentic
        if abs(clock.now().timestamp() - int(stamp)) > FRESH_SECONDS:
            raise Unauthentic
        return unsecured(self.shared.open(body, about(url, self.appid, int(stamp), self.shared.number)), self.appid, int(stamp))

    def _expect_signed(self, url: str, stamp: str, headers: Mapping[str, str], body: bytes) -> None:
        for serial, signature in ((SERIAL, SIGNATURE), (FORMER_SERIAL, FORMER_SIGNATURE)):
            key = self.platform.get(headers.get(serial, ""))
            if key is not None:
                expect_signature(key, to_sign(url, self.appid, stamp, body), headers.get(signature, ""))
                return
        raise Unauthentic


def about(url: str, appid: str, stamp: int, number: str) -> bytes:
    return f"{url}|{appid}|{stamp}|{number}".encode()


def to_sign(url: str, appid: str, stamp: str, body: bytes) -> bytes:
    return f"{url}\n{appid}\n{stamp}\n".encode() + body


def secured(body: Mapping[str, Any], appid: str, stamp: int) -> bytes:
    """The body with what binds it to this mini program and moment."""
    nonce = base64.b64encode(os.urandom(NONCE_BYTES)).decode().rstrip("=")
    return json.dumps({"_n": nonce, "_appid": appid, "_timestamp": stamp, **body}, ensure_ascii=False).encode()


def unsecured(plain: bytes, appid: str, stamp: int) -> dict[str, Any]:
    """Raises Unauthentic."""
    try:
        told = json.loads(plain)
    except ValueError:
        raise Unauthentic from None
    if not isinstance(told, dict) or told.get("_appid") != appid or told.get("_timestamp") != stamp:
        raise Unauthentic
    return {name: value for name, value in told.items() if name not in ("_n", "_appid", "_timestamp")}


def sign(key: RSAPrivateKey, text: bytes) -> str:
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), SALT_BYTES)
    return base64.b64encode(key.sign(text, scheme, hashes.SHA256())).decode()


def expect_signature(key: RSAPublicKey, text: bytes, signature: str) -> None:
    """Of any salt: WeChat says its own only for ours. Raises Unauthentic."""
    try:
        given = base64.b64decode(signature, validate=True)
        key.verify(given, text, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO), hashes.SHA256())
    except (InvalidSignature, ValueError):
        raise Unauthentic from None


def _plain_error(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Unauthentic from None
    if not isinstance(told, dict) or not isinstance(told.get("errcode"), int) or told["errcode"] == 0:
        raise Unauthentic
    return {"errcode": told["errcode"], "errmsg": told.get("errmsg", "")}


def load(*, appid: str, suite: Suite, shared: str, own: str, platform: str) -> Protection:
    """From the settings: `number:base64`, `number:file.pem`, and `number:file.pem,…` of certificates or public keys. Raises ValueError."""
    number, _, key = shared.partition(":")
    material = base64.b64decode(key, validate=True)
    if len(material) != suite.key_bytes:
        raise ValueError(f"a key of {suite} has {suite.key_bytes} bytes")
    own_number, _, own_path = own.partition(":")
    private = serialization.load_pem_private_key(Path(own_path).read_bytes(), None)
    if not isinstance(private, RSAPrivateKey):
        raise ValueError("requests are signed by RSA")
    platforms = {serial: _public(path) for serial, _, path in (one.strip().partition(":") for one in platform.split(","))}
    return Protection(appid, SharedKey(suite, number, material), own_number, private, platforms)


def _public(path: str) -> RSAPublicKey:
    pem = Path(path).read_bytes()
    key = x509.load_pem_x509_certificate(pem).public_key() if b"CERTIFICATE" in pem else serialization.load_pem_public_key(pem)
    if not isinstance(key, RSAPublicKey):
        raise ValueError("answers are signed by RSA")
    return key
