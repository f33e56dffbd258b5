"""Each rule before, at and after its day; the dry run is what the run then does; twice changes nothing; who may change what."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.auth.roles import Role
from app.db.base import new_id
from app.proofs.models import ReportProof
from app.reports.models import Report, ReportClaim, ReportText
from app.retention.rules import KEEPERS
from app.signals.models import ReportSignal, SignalKind
from app.uploads import taken_sealed
from app.uploads.models import Upload
from app.uploads.taken import Taken
from tests.reports.scene import Scene, on
from tests.support.people import Person

RunJob = Callable[..., Awaitable[None]]
API = "/api/v1/retention-rules"
TOLD = "我叫张三，电话13800138000，路面有坑"
CLEAN = "我叫某某，电话〔号码〕，路面有坑"


class WholePhotos(Scene):
    """Photos with an original that says where it was taken."""

    async def photo(self, person: Person) -> str:
        upload = Upload(
            member_id=person.id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=100, height=100,
            size_bytes=1000, original_key=new_id().hex, original_type="image/jpeg",
        )
        taken_sealed.keep(self.session, upload, Taken(at=clock.now(), place=self.county.spot))
        self.session.add(upload)
        await self.session.flush()
        return str(upload.id)


@pytest.fixture
async def scene(client, session, county, people) -> Scene:
    return WholePhotos(
        client, session, county, people, reporter=await people.member(),
        reviewer=await people.member(grants=[on(Role.REVIEWER, county.community.id)]),
        worker=await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)]),
    )


@pytest.fixture
async def head(scene: Scene) -> Person:
    return await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.root.id)])


async def closed(scene: Scene) -> str:
    """A closed report with everything that a rule may be about."""
    place = {"lng": 116.7212345, "lat": 35.5212345, "crs": "wgs84", "accuracy_m": 7}
    made = await scene.file(description=TOLD, address="文化路 77 号", location=place)
    report_id: str = made["id"]
    await scene.get(scene.reporter, f"/{report_id}/proof")
    await scene.give(scene.reviewer, report_id, "accept", {"note": TOLD})
    await scene.lead(report_id, "closed", since="accepted")
    scene.session.add(ReportSignal(report_id=report_id, kind=SignalKind.OLD_PHOTO))
    scene.session.add(ReportClaim(report_id=report_id, account_id=scene.reviewer.id, until=clock.now()))
    await scene.session.flush()
    return report_id


async def age(scene: Scene, report_id: str, since: timedelta) -> None:
    """As if everything had ended so long ago."""
    then = clock.now() - since
    await scene.session.exec(sa.update(Report).where(col(Report.id) == report_id).values(ended_at=then))
    await scene.session.exec(sa.update(ReportClaim).where(col(ReportClaim.report_id) == report_id).values(until=then))
    await scene.session.exec(sa.update(ReportProof).where(col(ReportProof.report_id) == report_id).values(created_at=then))


async def only(scene: Scene, code: str) -> None:
    """Leaves one rule in force, so that a test sees what it does alone."""
    await scene.session.exec(sa.text("update retention_rule set active = (code = :code)").bindparams(code=code))


async def state(scene: Scene, report_id: str) -> dict[str, Any]:
    """What is still whole of a report."""
    session = scene.session
    place = sa.select(col(Report.lng), col(Report.lat), col(Report.source_lng).is_not(None)).where(col(Report.id) == report_id)
    lng, lat, source = (await session.exec(place)).one()

    async def count(asked: sa.Select[Any]) -> int:
        return int((await session.exec(asked)).scalar_one())

    def of(model: Any, column: Any) -> sa.Select[Any]:
        return sa.select(sa.func.count()).select_from(model).where(col(column) == report_id)

    uploads = of(Upload, Upload.owner_id)
    notes = (await session.exec(sa.select(col(ReportText.text)).where(col(ReportText.report_id) == report_id))).scalars().all()
    shown = await scene.get(scene.reporter, f"/{report_id}")
    return {
        "place": (lng, lat), "source": source, "address": shown["address"] is not None,
        "text": shown["description"], "note": TOLD in notes, "clean note": CLEAN in notes,
        "originals": await count(uploads.where(col(Upload.original_key).is_not(None))),
        "taken": await count(uploads.where(col(Upload.taken_sealed).is_not(None))),
        "photos": await count(uploads.where(col(Upload.erased_at).is_(None))),
        "signals": await count(of(ReportSignal, ReportSignal.report_id)), "claims": await count(of(ReportClaim, ReportClaim.report_id)),
        "proofs": await count(of(ReportProof, ReportProof.report_id)),
    }


def expected(scene: Scene, before: dict[str, Any], code: str) -> dict[str, Any]:
    """What the state differs in once the rule was followed."""
    lng, lat = before["place"]
    bare = {"source": False, "address": False, "taken": 0}
    middle = (scene.county.community.center_lng, scene.county.community.center_lat)
    return {
        "place_rounded": {"place": (round(lng, 3), round(lat, 3)), **bare}, "place_area_only": {"place": middle, **bare},
        "original_photo": {"originals": 0, "taken": 0}, "photo_cleaned": {"photos": 0, "originals": 0, "taken": 0},
        "report_text": {"text": CLEAN, "address": False}, "report_note": {"note": False, "clean note": True}, "signal": {"signals": 0},
        "claim": {"claims": 0}, "proof": {"proofs": 0},
    }[code]


@pytest.mark.parametrize("code", KEEPERS)
async def test_a_rule_on_its_day(scene: Scene, head: Person, run_job: RunJob, code: str) -> None:
    """The day before nothing happens, on the day just what the rule says, and what the dry run told."""
    await only(scene, code)
    days = timedelta(days=KEEPERS[code].most)
    young, due = await closed(scene), await closed(scene)
    await age(scene, young, days - timedelta(minutes=5))
    await age(scene, due, days + timedelta(seconds=1))
    before, untouched = await state(scene, due), await state(scene, young)
    differs = expected(scene, before, code)
    rehearsed = (await scene.client.post(f"{API}/{code}/dry-run", headers=head.headers)).json()
    number = (await scene.get(scene.reporter, f"/{due}"))["number"]
    assert (rehearsed["rows"], rehearsed["examples"]) == (1, [number]) and datetime.fromisoformat(rehearsed["oldest"]) < clock.now() - days
    assert await state(scene, due) == before, "a dry run changes nothing"
    await run_job("retention.follow")
    after = await state(scene, due)
    assert after == before | differs
    assert any(before[name] != value for name, value in differs.items())
    assert await state(scene, young) == untouched
    assert (await scene.client.post(f"{API}/{code}/dry-run", headers=head.headers)).json() == {"rows": 0, "oldest": None, "examples": []}
    await run_job("retention.follow")
    assert await state(scene, due) == after
    assert await runs(scene) == [(code, 1)], "one audited batch"


async def runs(scene: Scene) -> list[tuple[str, int]]:
    found = await scene.session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "retention.follow"))
    return [(event.facts["rule"], event.facts["rows"]) for event in found.scalars().all()]


async def test_all_rules_one_after_the_other_leave_the_case_and_its_figures(scene: Scene, head: Person, run_job: RunJob) -> None:
    report_id = await closed(scene)
    day = clock.today().isoformat()
    params = {"area_id": str(scene.county.street.id), "from": day, "to": day}
    await age(scene, report_id, timedelta(days=1_096))
    figures = await scene.get(head, "/stats", **params)
    steps = await scene.get(scene.reporter, f"/{report_id}/timeline")
    await run_job("retention.follow")
    assert await scene.get(head, "/stats", **params) == figures and figures["received"] == 1
    assert sorted(await runs(scene)) == sorted((code, 1) for code in KEEPERS)
    after = await scene.get(scene.reporter, f"/{report_id}/timeline")
    assert [(one["command"], one["at"]) for one in after] == [(one["command"], one["at"]) for one in steps]
    await run_job("retention.follow")
    assert len(await runs(scene)) == len(KEEPERS)


async def test_one_that_ended_anew_goes_through_it_again(scene: Scene, run_job: RunJob) -> None:
    report_id = await closed(scene)
    await only(scene, "report_note")
    await age(scene, report_id, timedelta(days=2_000))
    await run_job("retention.follow")
    scene.session.add(ReportText(report_id=report_id, author_id=scene.reviewer.id, text=TOLD))
    await scene.session.exec(
        sa.update(Report).where(col(Report.id) == report_id).values(notes_anonymised_at=clock.now() - timedelta(days=1_500))
    )
    await age(scene, report_id, timedelta(days=1_200))
    await run_job("retention.follow")
    assert not (await state(scene, report_id))["note"]


async def test_what_is_open_is_left_alone(scene: Scene, run_job: RunJob) -> None:
    report_id = await closed(scene)
    await scene.give(scene.reporter, report_id, "reopen", {"reason": "又坏了"})
    await scene.session.exec(sa.update(Report).where(col(Report.id) == report_id).values(created_at=clock.now() - timedelta(days=3_000)))
    before = await state(scene, report_id)
    await run_job("retention.follow")
    assert await state(scene, report_id) == before


async def test_a_rule_that_is_not_active_does_nothing(scene: Scene, run_job: RunJob) -> None:
    report_id = await closed(scene)
    await scene.session.exec(sa.text("update retention_rule set active = false"))
    await age(scene, report_id, timedelta(days=3_000))
    before = await state(scene, report_id)
    await run_job("retention.follow")
    assert await state(scene, report_id) == before and await runs(scene) == []


async def test_the_rules_are_data_within_bounds(scene: Scene, head: Person, run_job: RunJob) -> None:
    rules = {one["code"]: one for one in (await scene.client.get(API, headers=head.headers)).json()}
    assert list(rules) == list(KEEPERS)
    design = {"place_rounded": 90, "place_area_only": 365, "original_photo": 180, "photo_cleaned": 730, "report_text": 1_095}
    assert {code: rules[code]["days"] for code in design} == design
    for code, keeper in KEEPERS.items():
        for days in (keeper.least - 1, keeper.most + 1):
            answer = await put(scene, head, code, days)
            assert (answer.status_code, answer.json()["code"]) == (422, "validation_error"), (code, days)
        for days in (keeper.least, keeper.most):
            assert (await put(scene, head, code, days)).json()["days"] == days
    await only(scene, "place_rounded")
    report_id = await closed(scene)
    await age(scene, report_id, timedelta(days=31))
    assert (await put(scene, head, "place_rounded", 30)).status_code == 200
    await run_job("retention.follow")
    assert not (await state(scene, report_id))["address"]


async def put(scene: Scene, who: Person, code: str, days: int, **headers: str) -> Any:
    return await scene.client.put(f"{API}/{code}", json={"days": days, "active": True}, headers=who.headers | headers)


async def test_who_may_read_and_who_may_change(scene: Scene, head: Person) -> None:
    county = scene.county
    platform = await scene.people.console()
    street = await scene.people.member(grants=[on(Role.AREA_ADMIN, county.street.id)])
    auditor = await scene.people.member(grants=[on(Role.AUDITOR, county.root.id)])
    table = {
        "tenant": (head, 200, 200), "platform": (platform, 200, 200), "street": (street, 200, 403), "auditor": (auditor, 200, 403),
        "reviewer": (scene.reviewer, 200, 403), "member": (scene.reporter, 403, 403),
    }
    for name, (who, read, change) in table.items():
        answers = [
            await scene.client.get(API, headers=who.headers), await put(scene, who, "proof", 90),
            await scene.client.post(f"{API}/proof/dry-run", headers=who.headers),
        ]
        assert [answer.status_code for answer in answers] == [read, change, change], name
        if read == 200:
            assert all(bool(one["allowed"]) is (change == 200) for one in answers[0].json()), name
    assert (await put(scene, head, "nothing", 90)).status_code == 404
    version = (await put(scene, head, "proof", 100)).json()["version"]
    stale = await put(scene, head, "proof", 110, **{"If-Match": f'"{version - 1}"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_mismatch")
    assert (await put(scene, head, "proof", 110, **{"If-Match": f'"{version}"'})).json()["version"] == version + 1
    assert (await put(scene, head, "proof", 110)).json()["version"] == version + 1, "nothing to change"
    tried = await scene.client.post(f"{API}/proof/dry-run", json={"days": 500}, headers=head.headers)
    assert tried.status_code == 422
