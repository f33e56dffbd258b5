"""WeChat's risk rank: asked about nobody who did not agree, one sign among others, gone with the yes, the weeks and the person."""

from base64 import b64decode
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.models import Account
from app.db.session import AsyncSession
from app.me.features import CLOSED_BY, FEATURES
from app.members import queries as members_queries
from app.members import service as members_service
from app.members.models import Purpose
from app.security import sealing
from app.signals import service as signals_service
from app.signals import workflow
from app.signals.models import ReportSignal, RiskRank, SignalKind
from app.wechat.client import WeChatClient
from tests.reports.scene import Scene
from tests.support.people import Person
from tests.support.queue import queued
from tests.support.simulator import RunningSimulator

TEXT = "我们会把您的手机号和网络地址交给微信，查询账号风险评级。"
CALL = "/wxa/getuserriskrank"


@pytest.fixture
async def rider(scene: Scene, simulator: RunningSimulator, wechat: WeChatClient) -> Person:
    """Somebody whom the simulator knows, in a county that has published the text."""
    console, rider = await scene.people.console(), await scene.people.member()
    await members_service.publish_text(
        scene.session, principal=console.principal, purpose=Purpose.RISK_CHECK, version="1", title="账号风险查询", text=TEXT, renew=False
    )
    openid = (await wechat.code_to_session(await simulator.code("有风险的人"))).openid
    sealed = sealing.seal(scene.session, openid, table="account", column="openid", row=rider.id)
    await scene.session.exec(sa.update(Account).where(col(Account.id) == rider.id).values(openid_sealed=sealed))
    await order(simulator, "people", person="有风险的人", risk_rank=4)
    return rider


async def say(scene: Scene, who: Person, granted: bool) -> None:
    for purpose in ("service", "location"):  # as they were said before: the account repeats what the consents say
        version = next(
            one["version"] for one in (await scene.client.get("/api/v1/members/consent-texts")).json() if one["purpose"] == purpose
        )
        await members_service.give_consent(scene.session, member_id=who.id, purpose=purpose, version=version, granted=True)
    said = await scene.client.put(
        "/api/v1/members/me/consents/risk_check", json={"version": "1", "granted": granted}, headers=who.headers
    )
    assert said.status_code == 200, said.text


async def order(simulator: RunningSimulator, what: str, **wish: Any) -> None:
    (await simulator.http.post(f"/_simulator/{what}", json=wish)).raise_for_status()


async def calls(simulator: RunningSimulator) -> int:
    return int((await simulator.http.get("/_simulator/calls")).json().get(CALL, 0))


async def asked(scene: Scene) -> list[dict[str, Any]]:
    return [payload for name, payload in await queued(scene.session) if name == "signals.ask_risk"]


async def signals(scene: Scene, report: dict[str, Any]) -> list[str]:
    return [one["kind"] for one in await scene.get(scene.reviewer, f"/{report['id']}/signals")]


async def test_only_who_agrees_is_asked_about_and_a_withdrawal_takes_it_along(scene: Scene, rider: Person, simulator, run_job) -> None:
    before = await scene.file(rider)
    assert await asked(scene) == [], "nobody who has not agreed"
    await say(scene, rider, granted=True)
    [sign_up] = await asked(scene)
    assert (sign_up["scene"], "127.0.0.1" in str(sign_up), b"127.0.0.1" in b64decode(sign_up["address"])) == (0, False, False)
    report = await scene.file(rider)
    payload = (await asked(scene))[-1]
    assert (payload["scene"], payload["report_id"]) == (2, report["id"])
    await run_job("report.signals", {"report_id": report["id"]})
    assert await signals(scene, report) == []
    before_it = await calls(simulator)
    await run_job("signals.ask_risk", payload)
    after_it = await calls(simulator)
    await run_job("signals.ask_risk", payload)
    assert await calls(simulator) == after_it > before_it, "once a day, however often the job runs"
    assert "wechat_risk" in await signals(scene, report) and "wechat_risk" not in await signals(scene, before)
    [line] = [one for one in await scene.get(scene.reviewer, f"/{report['id']}/signals") if one["kind"] == "wechat_risk"]
    assert line["facts"] == {"rank": 4} and "评级可能有误" in line["text"]
    assert (await scene.get(rider, f"/{report['id']}"))["status"] == "submitted", "nothing is refused by it"
    copy = {key: value for feature in FEATURES for key, value in (await feature.export(scene.session, member_id=rider.id)).items()}
    assert [one["rank"] for one in copy["wechat_risk_ranks"]] == [4]
    await say(scene, rider, granted=False)
    assert CLOSED_BY[Purpose.RISK_CHECK] is signals_service.forget_risk and "wechat_risk" not in await signals(scene, report)
    await run_job("signals.ask_risk", payload)
    assert await kept(scene) == [], "a job that comes late asks nobody and keeps nothing"
    assert not await signals_service.note_risk(scene.session, member_id=rider.id, rank=4) and await kept(scene) == []


async def kept(scene: Scene) -> list[int]:
    return list((await scene.session.exec(sa.select(col(RiskRank.rank)))).scalars().all())


async def test_a_refusal_says_nothing_and_what_was_said_ends(scene: Scene, rider: Person, simulator, run_job) -> None:
    await say(scene, rider, granted=True)
    [payload] = await asked(scene)
    await order(simulator, "faults", path=CALL, errcode=61010)
    await run_job("signals.ask_risk", payload)
    assert await kept(scene) == []
    await run_job("signals.ask_risk", payload | {"until": "2020-01-01T00:00:00+00:00"})
    assert await kept(scene) == [], "an address of yesterday says nothing"
    await run_job("signals.ask_risk", payload)
    assert await kept(scene) == [4]
    await scene.session.exec(sa.update(RiskRank).values(asked_at=sa.text("now() - interval '31 days'"), keep_until=sa.text("now()")))
    report = await scene.file(rider)
    await run_job("report.signals", {"report_id": report["id"]})
    assert "wechat_risk" not in await signals(scene, report), "after its time it is not read"
    await run_job("signals.drop_old_ranks")
    assert await kept(scene) == []
    await run_job("signals.ask_risk", payload)
    await signals_service.forget(scene.session, member_id=rider.id)
    assert await kept(scene) == []
    left = await scene.session.exec(sa.select(ReportSignal).where(col(ReportSignal.kind) == SignalKind.WECHAT_RISK))
    assert left.first() is None


async def test_without_its_looks_at_the_consent_the_same_judge_sees_it(
    scene: Scene, rider: Person, run_job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that asks and keeps whatever was agreed when it was made."""

    async def agreed(*_: Any, **__: Any) -> bool:
        return True

    async def keep(session: AsyncSession, *, member_id: UUID, rank: int) -> bool:
        session.add(RiskRank(member_id=member_id, rank=rank, asked_at=clock.now(), keep_until=clock.now() + workflow.RANK_KEPT))
        await session.flush()
        return True

    await say(scene, rider, granted=True)
    [payload] = await asked(scene)
    await say(scene, rider, granted=False)
    monkeypatch.setattr(members_queries, "has_consent", agreed)
    await run_job("signals.ask_risk", payload)
    assert await kept(scene) == [], "the second look, under the lock of the account, is enough"
    monkeypatch.setattr(signals_service, "note_risk", keep)
    await run_job("signals.ask_risk", payload)
    assert await kept(scene) == [4]
