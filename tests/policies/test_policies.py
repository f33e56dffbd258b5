"""Policy texts: public, in all versions, published ahead of their day, never changed."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock

API = "/api/v1/policies"
TEXT = "一、我们收集哪些信息\n\n只收集必要的。"


async def publish(client, who, status: int = 201, code: str = "privacy", **more):
    told = {"version": "2027-01", "title": "隐私政策", "text": TEXT}
    answer = await client.post(f"{API}/{code}", json=told | more, headers=who.headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_anybody_reads_and_the_day_decides(client, people, session) -> None:
    listed = (await client.get(API)).json()["items"]
    assert [(one["code"], one["version"]) for one in listed] == [(code, "2026-11") for code in ("privacy", "terms", "children")]
    seeded = (await client.get(f"{API}/privacy")).json()
    assert "完全自愿" in seeded["text"] and [one["current"] for one in seeded["versions"]] == [True]
    platform = await people.console(stepped_up=True)
    day = (clock.today() + timedelta(days=30)).isoformat()
    announced = await publish(client, platform, effective_on=day)
    assert [(one["version"], one["current"]) for one in announced["versions"]] == [("2027-01", False), ("2026-11", True)]
    assert (await client.get(f"{API}/privacy")).json()["version"] == "2026-11", "not before its day"
    assert (await client.get(f"{API}/privacy", params={"version": "2027-01"})).json()["text"] == TEXT
    assert (await publish(client, platform, 409))["code"] == "already_exists"
    assert (await publish(client, platform, 409, version="2027-02"))["code"] == "conflict", "today is before the announced one"
    for days in (-1, 181):
        await publish(client, platform, 422, version="2027-03", effective_on=(clock.today() + timedelta(days=days)).isoformat())
    now = await publish(client, platform, code="terms", title="用户服务协议")
    assert [(one["version"], one["current"]) for one in now["versions"]] == [("2027-01", True), ("2026-11", False)]
    corrected = await publish(client, platform, code="terms", version="2027-01-b")
    assert (corrected["version"], corrected["versions"][0]["current"]) == ("2027-01-b", True), "the later one of a day counts"
    assert [one["version"] for one in (await client.get(API)).json()["items"]] == ["2026-11", "2027-01-b", "2026-11"]
    assert (await client.get(f"{API}/privacy", params={"version": "1999"})).status_code == 404
    assert (await client.get(f"{API}/cookies")).status_code == 422


async def test_only_the_platform_publishes_and_nobody_changes(client, people, county, session) -> None:
    assert (await publish(client, await people.console(), 403))["code"] == "step_up_required"
    for outsider in (await people.member(stepped_up=True), await people.console(grants=(), stepped_up=True)):
        assert (await publish(client, outsider, 403))["code"] == "forbidden"
    for change in ("update policy_text set text = 'x'", "delete from policy_text"):
        with pytest.raises(sa.exc.DBAPIError):
            async with session.begin_nested():
                await session.exec(sa.text(change))
