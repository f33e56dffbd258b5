"""S43, addresses: forty targets in every text of every command and every parameter, and nobody is called.

No field of the contract is fetched; this holds it so. What does call (WeChat, text messages, the store) goes to an address of the settings
and follows no redirect.
"""

import itertools
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.complaints import service as complaints_service
from app.errors import AppError
from app.settings import Settings
from app.sms.port import SmsRefused, SmsUnavailable
from app.sms.tencent import TencentAccount, TencentSms
from app.wechat import crypto
from app.wechat.client import WeChatClient
from app.wechat.errors import WeChatRefused, WeChatUnavailable
from app.wechat.store import DatabaseTokenStore
from tests.access.estate import Estate
from tests.access.ground import asked, estate, ground
from tests.access.requests import Request
from tests.support.queue import queued
from tests.support.simulator import RunningSimulator
from tests.support.traces import undone
from tests.trust.plugin import Measure
from tests.trust.rig.inputs import asking, callers, kept, saying, texts
from tests.trust.rig.ssrf import Ear, Listener, listening, targets

__all__ = ["asked", "estate", "ground"]
LEAST = 40
HEADERS = ("Host", "X-Forwarded-Host", "Forwarded", "Referer", "Origin", "X-Original-URL", "Content-Location")
PICTURES = ("PicUrl", "Url", "MediaId", "url", "file")


@dataclass
class Trap:
    listener: Listener
    redirect: Listener
    ear: Ear

    @property
    def words(self) -> list[str]:
        return targets(self.listener.port, self.redirect.port)

    @property
    def sprung(self) -> list[str]:
        return self.listener.heard + self.redirect.heard + self.ear.heard


@pytest.fixture
async def trap(settings: Settings, simulator: RunningSimulator) -> AsyncIterator[Trap]:
    async with listening() as listener, listening(f"http://127.0.0.1:{listener.port}/") as redirect:
        ear = Ear((str(httpx.URL(simulator.url).port), ".s.PGSQL.", str(settings.database_url)[-40:]))
        yield Trap(listener, redirect, ear)


async def tempt(estate: Estate, asked: list[Request], trap: Trap) -> tuple[int, int]:
    """Into every text and every parameter, one target after the other; how many were sent, and how many were taken."""
    sent, taken, words = 0, 0, itertools.cycle(trap.words)
    for request in asked:
        who = next(iter(callers(request)), "nobody")
        tries: Iterator[Request] = iter(())
        if request.method != "GET" and not request.call.file and request.call.body is not None:
            tries = (saying(request, at, next(words)) for at in list(texts(request.call.body)) for _ in range(2))
        elif request.method == "GET":
            tries = (asking(request, name, next(words)) for name in (*request.call.query, "url", "callback", "next"))
        for one in tries:
            sent += 1
            taken += await kept(estate, one, who)
    return sent, taken


async def pushed(estate: Estate, trap: Trap) -> None:
    """What WeChat tells, with an address where a picture's would stand."""
    token = str(estate.people.settings.wechat_push_token)
    for number, word in enumerate(trap.words):
        query = {"timestamp": str(int(time.time())), "nonce": f"n{number}", "openid": "o1"}
        query["signature"] = crypto.signature(token, query["timestamp"], query["nonce"])
        event = {"ToUserName": "gh_1", "FromUserName": "o1", "CreateTime": int(time.time()), "MsgType": "image", "MsgId": number}
        await estate.client.post("/wechat/push", params=query, json=event | dict.fromkeys(PICTURES, word))


@pytest.mark.check("S43", part=True)
async def test_no_text_leads_the_service_anywhere(estate: Estate, asked: list[Request], trap: Trap, measured: Measure) -> None:
    with trap.ear:
        sent, taken = await tempt(estate, asked, trap)
        await pushed(estate, trap)
        for word in trap.words:
            for header in HEADERS:
                async with undone(estate.connection):
                    await estate.client.get("/api/v1/members/consent-texts", headers={header: word.encode()})
        await worked_off(estate)
    measured("targets", len(trap.words))
    measured("texts and parameters sent", sent)
    measured("of them taken", taken)
    measured("connections", len(trap.sprung))
    assert len(trap.words) >= LEAST and taken > 50
    assert trap.sprung == []


async def worked_off(estate: Estate) -> None:
    """What was put into the queue is done: what it fails of is not asked here."""
    for name, payload in await queued(estate.session):
        async with undone(estate.connection):
            try:
                await estate.run_job(name, payload)
            except Exception:
                continue  # A job may find that its thing has changed.


@pytest.mark.check("S43", part=True)
async def test_no_redirect_is_followed(trap: Trap, settings: Settings, committed: Any, measured: Measure) -> None:
    """By what calls somebody outside. Not asked of the object store: its client follows them, has no switch for it, and is led nowhere but
    by the store that the settings name."""
    url = f"http://127.0.0.1:{trap.redirect.port}"
    sms = TencentSms(url, TencentAccount("id", "key", "1400000000", "新新", {}))
    wechat = WeChatClient(url, settings.wechat_appid, settings.wechat_secret, token_store=DatabaseTokenStore(committed))
    try:
        for call in (lambda: sms._call(b"{}"), lambda: wechat.code_to_session("code")):
            with pytest.raises((AppError, SmsUnavailable, SmsRefused, WeChatUnavailable, WeChatRefused)):
                await call()
    finally:
        await sms.aclose()
        await wechat.aclose()
    measured("redirects offered", len(trap.redirect.heard))
    measured("redirects followed", len(trap.listener.heard))
    assert len(trap.redirect.heard) >= 2 and trap.listener.heard == []


@pytest.mark.variant("S43")
async def test_a_field_that_is_fetched_is_heard(estate: Estate, asked: list[Request], trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault put back: a preview of the address that somebody wrote."""
    submit = complaints_service.submit

    async def curious(session: Any, **told: Any) -> Any:
        for word in str(told).split("'"):
            if word.startswith("http"):
                async with httpx.AsyncClient(trust_env=False, timeout=2, follow_redirects=True) as http:
                    try:
                        await http.get(word)
                    except (httpx.HTTPError, ValueError):
                        continue
        return await submit(session, **told)

    monkeypatch.setattr(complaints_service, "submit", curious)
    with trap.ear:
        await tempt(estate, [one for one in asked if one.name == "POST /complaints"], trap)
    assert trap.sprung and trap.listener.heard
