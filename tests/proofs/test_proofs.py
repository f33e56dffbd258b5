"""The proof of a stop: who gets one, what its public check tells and what it never does, when it ceases to hold."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.members import service as members_service
from app.proofs import queries, service, workflow
from app.proofs.models import ReportProof
from app.reports.models import Report
from app.security import typed_codes
from app.security.models import ThrottleHit
from tests.reports.scene import Scene, on
from tests.support.canaries import Canary, in_answer

SECRET = {"description": "雀栏路口描述癸卯", "address": "雀舌巷七十七号"}
CANARIES = [
    Canary("name", "禤金丝雀"), Canary("phone", "13977553388"), Canary("masked", "139****3388"), Canary("text", SECRET["description"]),
    Canary("address", SECRET["address"]), Canary("category", "路面坑洞"), Canary("category code", "road_hole"),
    Canary("place", "116.7212345"), Canary("latitude", "35.5212345"), Canary("alias", "小哥"),
]
PUBLIC = "/api/v1/reports/proofs/"


@pytest.fixture
async def scene(client, session, county, people) -> Scene:
    made = Scene(
        client, session, county, people, reporter=await people.member(phone="13977553388"),
        reviewer=await people.member(grants=[on(Role.REVIEWER, county.community.id)]),
        worker=await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)]),
    )
    await members_service.set_profile(session, member_id=made.reporter.id, real_name="禤金丝雀")
    return made


async def file(scene: Scene, **more: Any) -> str:
    place = {"lng": 116.7212345, "lat": 35.5212345, "crs": "gcj02", "accuracy_m": 7}
    report_id: str = (await scene.file(location=place, **SECRET, **more))["id"]
    return report_id


async def ask(scene: Scene, path: str, **params: Any) -> httpx.Response:
    return await scene.client.get(path, params=params)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_proof_tells_when_where_and_why_and_nothing_else(scene: Scene) -> None:
    report_id = await file(scene)
    made = await scene.get(scene.reporter, f"/{report_id}/proof")
    assert await scene.get(scene.reporter, f"/{report_id}/proof") == made, "made once"
    number = (await scene.get(scene.reporter, f"/{report_id}"))["number"]
    checked = await ask(scene, PUBLIC + made["code"])
    assert checked.status_code == 200
    assert checked.json() == {name: made[name] for name in made if name not in ("check_url", "image_url")} | {
        "valid": True, "signature_matches": None,
    }
    assert made["place"] == {"lng": 116.721, "lat": 35.521, "crs": "gcj02", "accuracy_m": None}
    assert (made["area"], made["duty"]) == ("东风社区", "参与社会治理随手拍上报")
    stopped, until = datetime.fromisoformat(made["stopped_at"]), datetime.fromisoformat(made["valid_until"])
    assert stopped.second == 0 and timedelta(days=30) <= until - stopped < timedelta(days=30, minutes=1)
    page = await ask(scene, f"/p/{made['code']}")
    assert made["check_url"].endswith(f"/p/{made['code']}") and page.headers["content-type"].startswith("text/html")
    for words in ("停留证明：有效", "东风社区", "116.721", made["code"], "参与社会治理随手拍上报"):
        assert words in page.text, words
    hidden = [*CANARIES, Canary("number", number), Canary("report", report_id), Canary("account", str(scene.reporter.id))]
    assert not in_answer(checked, hidden) and not in_answer(page, hidden)
    assert "<script" not in page.text and "default-src 'none'" in page.headers["content-security-policy"]
    shown = await scene.get(scene.reporter, f"/{report_id}")
    assert SECRET["description"] in json.dumps(shown, ensure_ascii=False), "the canaries are there to be found"


async def test_the_code_is_read_as_people_type_it_and_drawn_as_a_picture(scene: Scene) -> None:
    made = await scene.get(scene.reporter, f"/{await file(scene)}/proof")
    for text in (made["code"].lower(), made["code"].replace("-", " ")):
        assert (await ask(scene, PUBLIC + text)).status_code == 200
    image = await ask(scene, made["image_url"].removeprefix("http://test"))
    assert image.headers["content-type"] == "image/png" and image.content.startswith(b"\x89PNG")
    wrong = made["code"][:-1] + ("0" if made["code"][-1] != "0" else "1")
    for path in (PUBLIC + wrong, PUBLIC + "123", f"{PUBLIC}{wrong}/image"):
        assert told(await ask(scene, path)) == (422, "code_malformed")
    page = await ask(scene, f"/p/{wrong}")
    assert page.status_code == 422 and "证明编号有误" in page.text
    assert await guesses(scene.session) == 0, "what was never given out is no guess"


async def guesses(session: AsyncSession) -> int:
    found = await session.exec(sa.select(sa.func.count()).where(col(ThrottleHit.key) == service.EVERYBODY))
    return int(found.scalar_one())


async def test_the_signature(scene: Scene) -> None:
    made = await scene.get(scene.reporter, f"/{await file(scene)}/proof")
    for given, matches in ((made["signature"], True), ("0" * 32, False), ("no hex", False), (made["signature"][:8], False)):
        assert (await ask(scene, PUBLIC + made["code"], signature=given)).json()["signature_matches"] is matches
    await scene.session.exec(sa.update(ReportProof).values(lng=116.7))
    moved = (await ask(scene, PUBLIC + made["code"], signature=made["signature"])).json()
    assert moved["signature_matches"] is False and moved["signature"] != made["signature"], "it covers the place"


async def test_only_the_filer_gets_one(scene: Scene) -> None:
    report_id = await file(scene)
    joined, stranger = await scene.people.member(), await scene.people.member()
    await scene.give(joined, report_id, "join")
    expected = ((joined, (403, "forbidden")), (scene.reviewer, (403, "forbidden")), (stranger, (404, "not_found")))
    for who, refusal in expected:
        assert told(await scene.client.get(f"/api/v1/reports/{report_id}/proof", headers=who.headers)) == refusal
    assert not (await scene.session.exec(sa.select(ReportProof))).first()
    await scene.get(scene.reporter, f"/{report_id}/proof")


async def test_a_proof_falls_with_its_report(scene: Scene) -> None:
    """Unknown, run out, rejected, withdrawn: one answer, one page."""
    path = {}
    for name in ("holds", "late", "rejected", "withdrawn"):
        report_id = await file(scene)
        path[name] = (report_id, (await scene.get(scene.reporter, f"/{report_id}/proof"))["code"])
    await scene.give(scene.reviewer, path["rejected"][0], "reject", {"reason_code": "abuse", "note": "x"})
    await scene.give(scene.reporter, path["withdrawn"][0], "withdraw")
    await age(scene, path["late"][0], timedelta(days=30, seconds=1))
    unknown = typed_codes.grouped(typed_codes.draw())
    answers = [await ask(scene, PUBLIC + code) for code in (unknown, *(path[name][1] for name in ("late", "rejected", "withdrawn")))]
    assert {told(answer) for answer in answers} == {(404, "code_not_found")}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    pages = [await ask(scene, f"/p/{code}") for code in (unknown, *(path[name][1] for name in ("late", "rejected", "withdrawn")))]
    assert {page.status_code for page in pages} == {404} and len({page.text for page in pages}) == 1
    assert (await ask(scene, PUBLIC + path["holds"][1])).status_code == 200
    refusals = [
        told(await scene.client.get(f"/api/v1/reports/{path[name][0]}/proof", headers=scene.reporter.headers))
        for name in ("rejected", "withdrawn", "late")
    ]
    assert refusals == [(409, "invalid_transition"), (409, "invalid_transition"), (409, "conflict")]
    assert await guesses(scene.session) == 8


async def age(scene: Scene, report_id: str, by: timedelta) -> None:
    await scene.session.exec(sa.update(Report).where(col(Report.id) == report_id).values(created_at=clock.now() - by))
    await scene.session.exec(
        sa.update(ReportProof).where(col(ReportProof.report_id) == report_id).values(
            stopped_at=clock.now() - by, valid_until=clock.now() - by + workflow.VALID
        )
    )
    scene.session.expire_all()


@pytest.fixture
def queries_of(statements: list[str]) -> Callable[[], list[str]]:
    """The SELECTs over proofs since the last call."""

    def taken() -> list[str]:
        found = [one for one in statements if "FROM report_proof" in one]
        statements.clear()
        return found

    return taken


async def test_a_code_that_does_not_hold_costs_what_an_unknown_one_costs(scene: Scene, queries_of: Callable[[], list[str]]) -> None:
    report_id = await file(scene)
    code = (await scene.get(scene.reporter, f"/{report_id}/proof"))["code"]
    await scene.give(scene.reporter, report_id, "withdraw")
    queries_of()
    asked = []
    for presented in (code, typed_codes.grouped(typed_codes.draw())):
        await ask(scene, PUBLIC + presented)
        asked.append(queries_of())
    assert asked[0] == asked[1] and len(asked[0]) == 1


async def test_guessing_is_slowed_and_an_employer_is_not(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (await scene.get(scene.reporter, f"/{await file(scene)}/proof"))["code"]
    monkeypatch.setattr(workflow, "GUESSES_OF_ALL", 3)
    for _ in range(3):
        scene.session.add(ThrottleHit(key=service.EVERYBODY))
    await scene.session.flush()
    assert (await ask(scene, PUBLIC + code)).status_code == 200, "others guess, this address did not"
    assert told(await ask(scene, PUBLIC + typed_codes.draw())) == (404, "code_not_found")
    assert told(await ask(scene, PUBLIC + code)) == (429, "rate_limited"), "now it has"
    monkeypatch.setattr(workflow, "GUESSES_OF_ALL", 6_000)
    monkeypatch.setattr(workflow, "GUESSES", 3)
    assert (await ask(scene, PUBLIC + code)).status_code == 200
    for _ in range(2):
        assert (await ask(scene, f"/p/{typed_codes.draw()}")).status_code == 404
    slowed = await ask(scene, f"/p/{code}")
    assert slowed.status_code == 429 and "查询过于频繁" in slowed.text
    assert told(await ask(scene, PUBLIC + code)) == (429, "rate_limited")


async def test_an_erasure_and_a_copy(scene: Scene) -> None:
    code = (await scene.get(scene.reporter, f"/{await file(scene)}/proof"))["code"]
    (copied,) = (await queries.export(scene.session, member_id=scene.reporter.id))["proofs"]
    assert copied["report"].startswith("R") and code not in str(copied)
    other = await scene.people.member()
    await service.forget(scene.session, member_id=other.id)
    assert (await ask(scene, PUBLIC + code)).status_code == 200
    await service.forget(scene.session, member_id=scene.reporter.id)
    assert told(await ask(scene, PUBLIC + code)) == (404, "code_not_found")
    assert not (await queries.export(scene.session, member_id=scene.reporter.id))["proofs"]


FILED = datetime(2026, 11, 22, 2, 30, 40, 5, UTC)


@pytest.mark.parametrize(
    ("occurred", "stopped"),
    [
        (None, FILED), (timedelta(minutes=25), FILED - timedelta(minutes=25)), (timedelta(hours=2), FILED - timedelta(hours=2)),
        (timedelta(hours=2, seconds=1), FILED), (timedelta(seconds=-1), FILED), (timedelta(), FILED),
    ],
)
def test_the_time_of_the_stop(occurred: timedelta | None, stopped: datetime) -> None:
    told = workflow.stopped_at(occurred_at=None if occurred is None else FILED - occurred, filed_at=FILED)
    assert told == stopped.replace(second=0, microsecond=0)
