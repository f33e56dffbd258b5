"""The simulator pushes as WeChat does: signed, sealed, late, again when it is not taken. The service's own callback takes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.db.session import Database
from app.wechat.simulator import pushing
from tests.wechat.fake import Fake, serving
from tests.wechat.receiving import AES_KEY, TOKEN, jobs, kept, receiver

TEMPLATE = "tmpl-0123456789"
WAYS = [("json", None), ("json", AES_KEY), ("xml", None), ("xml", AES_KEY)]


async def _picture(request: Request) -> Response:
    """Only whoever has the signed link sees it."""
    return Response(b"\x89PNG", media_type="image/png") if request.query_params.get("sig") == "1" else Response(status_code=404)


@asynccontextmanager
async def listening(fake: Fake, database: Database, *, form: str = "json", aes_key: str | None = AES_KEY) -> AsyncIterator[str]:
    """A service at an address that the simulated console has been told."""
    app = receiver(database, aes_key=aes_key)
    app.add_route("/photo", _picture)
    async with serving(app) as url:
        await fake.order("push", url=f"{url}/wechat/push", token=TOKEN, form=form, aes_key=aes_key)
        yield url
        await fake.order("push/settle")


async def order_check(fake: Fake, url: str) -> str:
    asked = {"version": 2, "openid": await fake.openid("张三"), "scene": 2, "media_type": 2, "media_url": url}
    return str((await fake.post("/wxa/media_check_async", asked))["trace_id"])


@pytest.mark.parametrize(("form", "aes_key"), WAYS)
async def test_every_way_of_pushing_is_taken(fake: Fake, push_database: Database, form: str, aes_key: str | None) -> None:
    await fake.order("manners", media_seconds=0, deliveries=2)
    async with listening(fake, push_database, form=form, aes_key=aes_key) as url:
        assert (await fake.order("push/verify"))["verified"] is True
        trace = await order_check(fake, f"{url}/photo?sig=1")
        await fake.order("subscriptions", person="张三", template_id=TEMPLATE, answer="accept")
        told = await fake.order("push/settle")
        assert [one["taken"] for one in told["items"]] == [True] * 4  # each twice
        stored = dict(await kept(push_database))
        assert stored["wxa_media_check"]["trace_id"] == trace
        assert stored["wxa_media_check"]["result"] == {"suggest": "pass", "label": "100"}
        event = stored["subscribe_msg_popup_event"]
        lines = event["List"] if form == "json" else [event["SubscribeMsgPopupEvent"]["List"]]
        assert (lines[0]["TemplateId"], lines[0]["SubscribeStatusString"]) == (TEMPLATE, "accept")
        assert sorted(name for name, _ in await jobs(push_database)) == [
            "wechat.push.subscribe_msg_popup_event", "wechat.push.wxa_media_check",
        ]


async def test_results_of_media_come_when_their_time_has_come(fake: Fake, push_database: Database) -> None:
    await fake.order("manners", media_seconds=1_200)
    async with listening(fake, push_database) as url:
        for way in ("/photo?sig=1", "/photo?sig=2", "/photo?sig=1"):
            trace = await order_check(fake, url + way)
        assert (await fake.order("push/settle"))["due"] == 3 and await kept(push_database) == []
        await fake.order("media_results", trace_id=trace, suggest="review")
        assert (await fake.order("push/settle"))["due"] == 2
        await fake.order("clock", advance=1_201)
        assert (await fake.order("push/settle"))["due"] == 0
        told = [event.get("result", {}).get("suggest") or event["errcode"] for _, event in await kept(push_database)]
        assert told[0] == "review" and sorted(map(str, told[1:])) == ["-1008", "pass"]  # the second picture could not be had
        await fake.order("manners", media_suggest="never")
        await order_check(fake, f"{url}/photo?sig=1")
        assert (await fake.order("push/settle"))["due"] == 0
        unknown = await fake.http.post(f"{fake.url}/_simulator/media_results", json={"trace_id": "unknown"})
        assert unknown.status_code == 404


async def test_the_phone_tells_what_became_of_messages(fake: Fake, push_database: Database) -> None:
    await fake.order("manners", grants="budget")
    sending: dict[str, Any] = {"touser": await fake.openid("张三"), "template_id": TEMPLATE, "data": {"thing1": {"value": "好"}}}
    path = "/cgi-bin/message/subscribe/send"
    async with listening(fake, push_database):
        answers = [(await fake.post(path, sending))["errcode"]]
        for answer in ("accept", "accept", "reject", "off", "accept", "accept", "mute"):
            await fake.order("subscriptions", person="张三", template_id=TEMPLATE, answer=answer)
            await fake.order("clock", advance=1)  # nobody taps twice in a second, and the same event of the same second is one
            answers.append((await fake.post(path, sending))["errcode"])
        assert answers == [43101, 0, 0, 43101, 43101, 0, 0, 43101]
        await fake.order("permissions", person="张三", template_id=TEMPLATE, count=1)
        assert (await fake.post(path, sending))["errcode"] == 0  # taken, but the phone is muted
        await fake.order("push/settle")
        lines = [(name, event["List"][0]) for name, event in await kept(push_database)]
    delivered = [line["ErrorStatus"] for name, line in lines if name == "subscribe_msg_sent_event"]
    assert sorted(delivered) == ["success"] * 4 + ["user refuse"]
    said = [line["SubscribeStatusString"] for name, line in lines if name != "subscribe_msg_sent_event"]
    assert sorted(said) == ["accept"] * 4 + ["reject"] * 2


async def test_what_is_not_taken_comes_three_times(fake: Fake, push_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "PAUSE", 0)
    async with listening(fake, push_database) as url:
        await fake.order("push", url=f"{url}/wechat/push", token="wrong", aes_key=AES_KEY)
        assert (await fake.order("push/verify"))["verified"] is False
        await fake.order("subscriptions", person="张三", template_id=TEMPLATE, answer="accept")
        [told] = (await fake.order("push/settle"))["items"]
        assert (told["answers"], told["taken"]) == (["403"] * 3, False) and await kept(push_database) == []
        await fake.http.delete(f"{fake.url}/_simulator/push")
        await fake.order("subscriptions", person="张三", template_id=TEMPLATE, answer="accept")
        assert len((await fake.order("push/settle"))["items"]) == 1
