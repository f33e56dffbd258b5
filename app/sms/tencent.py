"""Tencent Cloud SMS: SendSms of 2021-01-11, signed by TC3-HMAC-SHA256."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from app import clock
from app.observability import get_logger
from app.sms.models import SmsTemplate
from app.sms.port import SmsRefused, SmsSilent, SmsUnavailable

log = get_logger(__name__)

SERVICE, ACTION, VERSION = "sms", "SendSms", "2021-01-11"
CONTENT_TYPE = "application/json; charset=utf-8"
CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 6.0
ANSWER_LIMIT = 1 << 16
PASSING = ("InternalError", "RequestLimitExceeded", "ResourceUnavailable")


@dataclass(frozen=True, slots=True)
class TencentAccount:
    """`templates` are the ids under which the texts are registered for `sign_name`."""

    secret_id: str
    secret_key: str = field(repr=False)
    app_id: str
    sign_name: str
    templates: Mapping[SmsTemplate, str]
    region: str = "ap-guangzhou"


class TencentSms:
    """One per run of the job. The number stands in the body alone, and no line of a log has it."""

    def __init__(self, base_url: str, account: TencentAccount) -> None:
        self._account = account
        self._http = httpx.AsyncClient(
            base_url=base_url, follow_redirects=False, trust_env=False, timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            headers={"Accept-Encoding": "identity", "User-Agent": "xinxin"},
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def send(self, phone: str, template: SmsTemplate, params: Sequence[str]) -> str:
        """Raises SmsUnavailable, SmsSilent, SmsRefused."""
        registered = self._account.templates.get(template)
        if registered is None:
            raise SmsRefused("no_template")
        body = {
            "PhoneNumberSet": [f"+86{phone}"], "SmsSdkAppId": self._account.app_id, "SignName": self._account.sign_name,
            "TemplateId": registered, "TemplateParamSet": list(params),
        }
        return _serial(await self._call(json.dumps(body, ensure_ascii=False).encode()))

    async def _call(self, body: bytes) -> dict[str, Any]:
        now, host = int(clock.now().timestamp()), self._http.base_url.netloc.decode()
        headers = {
            "Content-Type": CONTENT_TYPE, "X-TC-Action": ACTION, "X-TC-Version": VERSION, "X-TC-Timestamp": str(now),
            "X-TC-Region": self._account.region,
            "Authorization": authorization(
                self._account.secret_id, self._account.secret_key, host=host, service=SERVICE, action=ACTION, body=body, timestamp=now
            ),
        }
        try:
            async with self._http.stream("POST", "/", content=body, headers=headers) as response:
                raw = await _bounded(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise SmsUnavailable from None
        except httpx.TransportError:
            raise SmsSilent from None
        try:
            answer = json.loads(raw)["Response"]
            return answer if isinstance(answer, dict) else _nonsense()
        except (ValueError, KeyError, TypeError, RecursionError):
            raise SmsSilent from None


async def _bounded(response: httpx.Response) -> bytes:
    if response.status_code != 200:
        log.warning("sms.no_answer", status=response.status_code)
        raise SmsSilent
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > ANSWER_LIMIT:
            raise SmsSilent
    return bytes(body)


def _nonsense() -> dict[str, Any]:
    raise SmsSilent


def _serial(answer: Mapping[str, Any]) -> str:
    """The serial number of the one SMS. Raises SmsUnavailable, SmsSilent, SmsRefused."""
    error, states = answer.get("Error"), answer.get("SendStatusSet")
    state = error if isinstance(error, dict) else states[0] if isinstance(states, list) and states and isinstance(states[0], dict) else {}
    code = str(state.get("Code", ""))
    if error is None and code == "Ok":
        return str(state.get("SerialNo", ""))[:64]
    log.warning("sms.refused", reason=code[:64], request=str(answer.get("RequestId", ""))[:64])
    if not code:
        raise SmsSilent
    if code.startswith(PASSING):
        raise SmsUnavailable
    raise SmsRefused(code[:64])


def authorization(
    secret_id: str, secret_key: str, *, host: str, service: str, action: str, body: bytes, timestamp: int
) -> str:
    """The header of TC3-HMAC-SHA256 over method, content type, host, action and body."""
    signed = "content-type;host;x-tc-action"
    canonical = "\n".join(
        ("POST", "/", "", f"content-type:{CONTENT_TYPE}", f"host:{host}", f"x-tc-action:{action.lower()}", "", signed, _digest(body))
    )
    day = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    scope = f"{day}/{service}/tc3_request"
    key = f"TC3{secret_key}".encode()
    for word in (day, service, "tc3_request"):
        key = hmac.digest(key, word.encode(), hashlib.sha256)
    text = "\n".join(("TC3-HMAC-SHA256", str(timestamp), scope, _digest(canonical.encode())))
    signature = hmac.digest(key, text.encode(), hashlib.sha256).hex()
    return f"TC3-HMAC-SHA256 Credential={secret_id}/{scope}, SignedHeaders={signed}, Signature={signature}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
