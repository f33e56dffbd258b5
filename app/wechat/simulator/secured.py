"""API security as WeChat's side has it: our public key, the shared key, and the keys by which WeChat signs."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from app.wechat import protection
from app.wechat.protection import SharedKey, Unauthentic
from app.wechat.simulator.faults import answered
from app.wechat.simulator.refusal import Refusal

MISSING = {protection.APPID: 40233, protection.STAMP: 40231, protection.SERIAL: 40230, protection.SIGNATURE: 40232}
WRONG_SIGNATURE, WRONG_ENCRYPTION, WRONG_APPID, OLD = 40234, 40235, 40236, 40240


class Secured:
    """`signers` are WeChat's keys by number, the newest first; a second one is the certificate that is about to end."""

    def __init__(
        self, appid: str, *, shared: SharedKey, theirs: RSAPublicKey, signers: Mapping[str, RSAPrivateKey],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._appid, self._shared, self._theirs, self._clock = appid, shared, theirs, clock
        self._signers = list(signers.items())

    def open(self, url: str, headers: Mapping[str, str], raw: bytes) -> dict[str, Any]:
        """The body that was meant. Raises Refusal: 40230 to 40240."""
        for name, errcode in MISSING.items():
            if not headers.get(name):
                raise Refusal(errcode)
        stamp = headers[protection.STAMP]
        if headers[protection.APPID] != self._appid:
            raise Refusal(WRONG_APPID)
        if not stamp.isdigit() or abs(self._clock() - int(stamp)) > protection.FRESH_SECONDS:
            raise Refusal(OLD)
        try:
            text = protection.to_sign(url, self._appid, stamp, raw)
            protection.expect_signature(self._theirs, text, headers[protection.SIGNATURE])
        except Unauthentic:
            raise Refusal(WRONG_SIGNATURE) from None
        try:
            plain = self._shared.open(raw, protection.about(url, self._appid, int(stamp), self._shared.number))
            return protection.unsecured(plain, self._appid, int(stamp))
        except Unauthentic:
            raise Refusal(WRONG_ENCRYPTION) from None

    def seal(self, url: str, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """What is answered instead, and its headers."""
        stamp = int(self._clock())
        about = protection.about(url, self._appid, stamp, self._shared.number)
        told: dict[str, Any] = json.loads(self._shared.seal(protection.secured(data, self._appid, stamp), about))
        text = protection.to_sign(url, self._appid, str(stamp), bytes(answered(told, "application/json").body))
        headers = {protection.APPID: self._appid, protection.STAMP: str(stamp)}
        names = ((protection.SERIAL, protection.SIGNATURE), (protection.FORMER_SERIAL, protection.FORMER_SIGNATURE))
        for (serial, signature), (number, key) in zip(names, self._signers, strict=False):
            headers |= {serial: number, signature: protection.sign(key, text)}
        return told, headers
