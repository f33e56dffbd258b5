"""SMS: signed as Tencent Cloud asks, sent once, limited by number; the number goes when it has ended, and no log ever has it."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.errors import RateLimited
from app.jobs.registry import HANDLERS, Context
from app.settings import Settings
from app.sms import service
from app.sms.console import ConsoleSms, NoSms
from app.sms.models import Sms, SmsStatus, SmsTemplate
from app.sms.port import SmsRefused, SmsSilent, SmsUnavailable
from app.sms.senders import account
from app.sms.tencent import TencentSms, authorization
from tests.stores.shopkeeping import API as STORES
from tests.stores.shopkeeping import Keeping
from tests.support.branches import make_branch
from tests.wechat.fake import serving

PHONE, SECRET = "13800138000", "secret-key-of-the-fake"
OK = {"SerialNo": "5000:1045710669157053657849499619", "PhoneNumber": f"+86{PHONE}", "Code": "Ok", "Message": "send success"}


@dataclass
class Cloud:
    """SendSms over loopback: checks the signature by its own arithmetic, and answers what the test wants."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Any = None
    status: int = 200

    async def take(self, request: Request) -> Response:
        body = await request.body()
        self.asked.append(json.loads(body))
        if not signed(request, body):
            return self.told({"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "…"}})
        if self.status != 200 or isinstance(self.answer, str):
            return Response(self.answer or "", self.status)
        return self.told(self.answer or {"SendStatusSet": [OK]})

    def told(self, answer: dict[str, Any]) -> Response:
        return JSONResponse({"Response": answer | {"RequestId": "a0aabda6-cf91-4f3e-a81f-9198114a2279"}})


def signed(request: Request, body: bytes) -> bool:
    """By the provider's description, from the headers as they came."""
    scheme, _, rest = request.headers["authorization"].partition(" ")
    told = dict(part.strip().split("=", 1) for part in rest.split(","))
    _, day, service_name, end = told["Credential"].split("/")
    names = told["SignedHeaders"].split(";")
    lines = [f"{name}:{request.headers[name].strip().lower() if name != 'content-type' else request.headers[name]}" for name in names]
    canonical = f"{request.method}\n/\n\n" + "\n".join(lines) + f"\n\n{told['SignedHeaders']}\n{hashlib.sha256(body).hexdigest()}"
    stamp = request.headers["x-tc-timestamp"]
    text = f"{scheme}\n{stamp}\n{day}/{service_name}/{end}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = hmac.new(b"TC3" + SECRET.encode(), day.encode(), "sha256").digest()
    for word in (service_name, end):
        key = hmac.new(key, word.encode(), "sha256").digest()
    good = hmac.new(key, text.encode(), "sha256").hexdigest() == told["Signature"]
    fresh = abs(int(stamp) - datetime.now(UTC).timestamp()) < 300 and day == datetime.fromtimestamp(int(stamp), UTC).strftime("%Y-%m-%d")
    named = (request.headers["x-tc-action"], request.headers["x-tc-version"], service_name) == ("SendSms", "2021-01-11", "sms")
    return good and fresh and named and {"content-type", "host"} <= set(names)


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    made = Cloud()
    async with serving(Starlette(routes=[Route("/", made.take, methods=["POST"])])) as made.url:
        yield made


@pytest.fixture
def tencent(settings: Settings, cloud: Cloud) -> Settings:
    return settings.model_copy(
        update={
            "sms_provider": "tencent", "sms_base_url": cloud.url, "sms_secret_id": "AKIDexample", "sms_secret_key": SECRET,
            "sms_app_id": "1400006666", "sms_sign_name": "新新", "sms_templates": "invitation:2001,staff:2002",
        }
    )


@pytest.fixture
def send(database, tencent: Settings):
    async def run(sms_id: UUID, settings: Settings = tencent) -> None:
        await HANDLERS["sms.send"](Context(database, None, None, settings), {"sms_id": str(sms_id)})

    return run


async def asked(session, **more: Any) -> UUID:
    about = {"template": SmsTemplate.INVITATION, "params": ["7k3m9q2x5t86"], "about": ("qrcode", new_id())}
    await service.ask(session, **{"phone": PHONE} | about | more)
    found = await session.exec(sa.select(col(Sms.id)).order_by(col(Sms.id).desc()).limit(1))
    return found.scalar_one()


async def row(session, sms_id: UUID) -> Sms:
    found = await session.exec(sa.select(Sms).where(col(Sms.id) == sms_id).execution_options(populate_existing=True))
    return found.scalar_one()


def test_the_signature_is_the_published_one() -> None:
    """The example of the provider's own description of TC3-HMAC-SHA256, whose keys are asterisks there."""
    body = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    about = {"host": "cvm.tencentcloudapi.com", "service": "cvm", "action": "DescribeInstances"}
    made = authorization("AKID" + "*" * 32, "*" * 32, body=body, timestamp=1551113065, **about)
    assert made.endswith("Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f")


async def test_an_sms_goes_once_and_its_number_with_it(session, cloud: Cloud, send) -> None:
    with capture_logs() as lines:
        sms_id = await asked(session)
        await send(sms_id)
        await send(sms_id)
    [body] = cloud.asked
    assert body == {
        "PhoneNumberSet": [f"+86{PHONE}"], "SmsSdkAppId": "1400006666", "SignName": "新新", "TemplateId": "2001",
        "TemplateParamSet": ["7k3m9q2x5t86"],
    }
    kept = await row(session, sms_id)
    assert (kept.status, kept.serial, kept.phone_sealed, kept.params) == (SmsStatus.SENT, OK["SerialNo"], None, [])
    assert PHONE not in str(lines) and "7k3m9q2x5t86" not in str(lines)
    trail = (await session.exec(sa.select(AuditEvent).where(col(AuditEvent.action).in_(["sms.ask", "sms.end"])))).scalars().all()
    assert {event.action: event.outcome for event in trail} == {"sms.ask": "ok", "sms.end": "ok"}
    assert PHONE not in str([event.facts for event in trail])


@pytest.mark.parametrize(
    ("answer", "status", "raised"),
    [
        ({"Error": {"Code": "AuthFailure.SecretIdNotFound", "Message": "x"}}, 200, SmsRefused),
        ({"Error": {"Code": "InternalError.Timeout", "Message": "x"}}, 200, SmsUnavailable),
        ({"Error": {"Code": "RequestLimitExceeded", "Message": "x"}}, 200, SmsUnavailable),
        ({"SendStatusSet": [OK | {"Code": "LimitExceeded.PhoneNumberDailyLimit"}]}, 200, SmsRefused),
        ({"SendStatusSet": []}, 200, SmsSilent), ("<html>", 200, SmsSilent), ("[]", 200, SmsSilent), ("x" * 100_000, 200, SmsSilent),
        ("", 302, SmsSilent), ("", 503, SmsSilent), ('{"Response": 3}', 200, SmsSilent),
    ],
)
async def test_what_the_provider_answers(tencent: Settings, cloud: Cloud, answer: Any, status: int, raised: type[Exception]) -> None:
    cloud.answer, cloud.status = answer, status
    sender = TencentSms(cloud.url, account(tencent))
    with pytest.raises(raised) as caught:
        await sender.send(PHONE, SmsTemplate.INVITATION, ["x"])
    await sender.aclose()
    assert caught.type is raised


async def test_a_wrong_key_is_noticed_by_the_fake(tencent: Settings, cloud: Cloud) -> None:
    sender = TencentSms(cloud.url, account(tencent.model_copy(update={"sms_secret_key": "another"})))
    with pytest.raises(SmsRefused, match=r"AuthFailure\.SignatureFailure"):
        await sender.send(PHONE, SmsTemplate.STAFF, [])
    await sender.aclose()


async def test_what_was_not_taken_is_tried_again_and_silence_once(session, cloud: Cloud, send, tencent: Settings) -> None:
    sms_id = await asked(session)
    cloud.answer = {"Error": {"Code": "RequestLimitExceeded", "Message": "x"}}
    for _ in range(3):
        with pytest.raises(SmsUnavailable):
            await send(sms_id)
    nobody = tencent.model_copy(update={"sms_base_url": "http://127.0.0.1:1"})
    with pytest.raises(SmsUnavailable):
        await send(sms_id, nobody)
    assert (await row(session, sms_id)).unanswered == 0
    cloud.answer, before = "<html>", len(cloud.asked)
    for _ in range(2):
        with pytest.raises(SmsSilent):
            await send(sms_id)
    await send(sms_id)
    kept = await row(session, sms_id)
    assert len(cloud.asked) == before + 2 and (kept.status, kept.reason, kept.phone_sealed) == (SmsStatus.FAILED, "unanswered", None)


async def test_a_run_that_died_is_taken_over_and_is_late(session, queued, cloud: Cloud, send) -> None:
    sms_id = await asked(session)
    dead = await service.begin(session, sms_id=sms_id)
    waiting = len(await queued(session))
    await send(sms_id)
    assert dead is not None and not cloud.asked and len(await queued(session)) == waiting + 1
    await session.exec(sa.update(Sms).values(until=sa.func.clock_timestamp()))
    await send(sms_id)
    await service.end(session, sms_id=sms_id, turn=dead.turn, status=SmsStatus.REFUSED)
    assert (await row(session, sms_id)).status is SmsStatus.SENT and len(cloud.asked) == 1


async def test_a_number_gets_one_a_minute_and_ten_a_day(session, monkeypatch) -> None:
    await asked(session)
    with pytest.raises(RateLimited) as refused:
        await asked(session)
    assert 0 < (refused.value.retry_after or 0) <= 60
    await asked(session, phone="13800138001")
    monkeypatch.setattr(service, "PER_MINUTE", 99)
    for _ in range(9):
        await asked(session)
    with pytest.raises(RateLimited):
        await asked(session)


async def test_an_invitation_goes_by_sms_and_tells_nothing(client, people, county, session, queued, send, cloud: Cloud) -> None:
    branch = await make_branch(session, people, county.community, "东风快递行业党支部")
    path, told = f"/api/v1/organisations/{branch.id}/invitations", {"phone": "13800138009"}
    sent = await client.post(path, json=told, headers=branch.secretary.headers)
    assert sent.status_code == 201, sent.text
    assert sent.json()["max_uses"] == 1 and "13800138009" not in sent.text
    [payload] = [payload for name, payload in await queued(session) if name == "sms.send"]
    await send(UUID(payload["sms_id"]))
    assert cloud.asked[0]["TemplateParamSet"] == [sent.json()["scene"]], "the branch's name would tell the provider whose number it is"
    again = await client.post(path, json=told, headers=branch.secretary.headers)
    assert (again.status_code, again.json()["code"]) == (429, "rate_limited")


async def test_a_role_that_waits_for_a_number_is_told_by_sms(client, people, county, session, queued, send, cloud: Cloud) -> None:
    """Once: a second role within the minute waits without one."""
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    known = await people.member()
    keeping = Keeping(client, county, people, admin, known)
    path = f"{STORES}/{await keeping.open()}/staff"
    for role, phone in (("store_owner", PHONE), ("store_clerk", PHONE), ("store_clerk", known.phone)):
        made = await client.post(path, json={"role": role, "phone": phone}, headers=admin.headers)
        assert made.status_code == 201, made.text
    [payload] = [payload for name, payload in await queued(session) if name == "sms.send"]
    await send(UUID(payload["sms_id"]))
    assert (cloud.asked[0]["TemplateId"], cloud.asked[0]["TemplateParamSet"]) == ("2002", [])


async def test_the_console_says_to_whom_and_not_what() -> None:
    with capture_logs() as lines:
        await ConsoleSms().send(PHONE, SmsTemplate.INVITATION, ["7k3m9q2x5t86"])
    [line] = lines
    assert line["to"] == "138****8000" and PHONE not in str(lines) and "7k3m9q2x5t86" not in str(lines)
    with pytest.raises(SmsRefused, match="off"):
        await NoSms().send(PHONE, SmsTemplate.INVITATION, [])


def test_half_an_account_and_a_console_in_production_are_refused() -> None:
    with pytest.raises(ValueError, match="SMS_SECRET_ID"):
        Settings(sms_provider="tencent")
    production = {
        "env": "production", "secret_keys": "k:" + "A" * 43 + "=", "field_keys": "k:" + "B" * 43 + "=", "wechat_secret": "real",
        "wechat_base_url": "https://api.weixin.qq.com",
    }
    with pytest.raises(ValueError, match="console"):
        Settings(**production, sms_provider="console")
