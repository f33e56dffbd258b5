"""The inbox: what it is looked through for, in which order, and how many of each there are."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app import clock
from app.auth.models import AccessGrant
from app.auth.roles import Role
from app.db.base import new_id
from app.reports import queries
from app.reports.models import Report
from app.units.models import Kind, Unit
from tests.reports.scene import Scene, on
from tests.support.owner import as_owner
from tests.support.people import Person

HOLE, BIN = "road_hole", "bin_overflow"


async def found(scene: Scene, person: Person | None = None, **asked: Any) -> list[str]:
    return [one["id"] for one in (await scene.get(person or scene.reviewer, "/inbox", **asked))["items"]]


async def refused(scene: Scene, person: Person, path: str, **asked: Any) -> tuple[int, str]:
    answer = await scene.client.get(f"/api/v1/reports{path}", params=asked, headers=person.headers)
    return answer.status_code, answer.json()["code"]


async def put(scene: Scene, report_id: str, **values: Any) -> None:
    await scene.session.exec(sa.update(Report).where(Report.id == report_id).values(**values))  # type: ignore[arg-type]


async def test_filters_by_what_a_report_is(scene: Scene) -> None:
    hole, trash = (await scene.file())["id"], (await scene.file(category_code=BIN))["id"]
    there = (await scene.file(location=scene.county.place(other=True)))["id"]
    above = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.street.id)])
    parent = (await scene.session.exec(sa.text("select parent_code from report_category where code = 'road_hole'"))).scalar_one()
    assert await found(scene, category_code=HOLE) == [hole] and await found(scene, category_code=BIN) == [trash]
    assert hole in await found(scene, category_code=parent), "a group holds its leaves"
    assert await found(scene, category_code="no_such") == []
    assert await found(scene, above, area_id=scene.county.other_community.id) == [there]
    assert await found(scene, area_id=scene.county.other_community.id) == [], "a filter widens nothing"
    await put(scene, trash, severity="emergency")
    assert await found(scene, severity="emergency") == [trash]
    today, yesterday = clock.today().isoformat(), (clock.today() - timedelta(days=1)).isoformat()
    days: dict[str, Any] = {"from": today, "to": today}
    assert await found(scene, **days) == [trash, hole] and await found(scene, to=yesterday) == []
    assert await refused(scene, scene.reviewer, "/inbox", **{"from": today, "to": yesterday}) == (422, "validation_error")
    assert await refused(scene, scene.reviewer, "/inbox", area_id=str(new_id())) == (404, "not_found")
    assert await refused(scene, scene.reporter, "/inbox") == (403, "forbidden")


async def test_filters_by_what_became_of_it(scene: Scene) -> None:
    report_id = await scene.at("dispatched")
    other = await scene.at("accepted")
    unit = Unit(name="执法队", kind=Kind.COMPANY, area_id=scene.county.root.id, area_path=scene.county.root.path)
    scene.session.add(unit)
    await scene.session.flush()
    await put(scene, report_id, unit_id=unit.id, due_at=queries.CLOCK - timedelta(hours=1))
    assert await found(scene, unit_id=unit.id) == [report_id] and await found(scene, overdue="true") == [report_id]
    assert await found(scene, overdue="false") == [other]
    [line] = (await scene.get(scene.reviewer, "/inbox", unit_id=unit.id))["items"]
    assert line["unit"] == {"id": str(unit.id), "name": "执法队"} and line["claim"] is None
    assert (await scene.get(scene.reporter, f"/{report_id}"))["unit"] is None, "who answers inside is not the reporter's business"
    await scene.give(scene.reviewer, report_id, "escalate", {"reason": "需要协调"})
    assert await found(scene, escalated="true") == [report_id] and await found(scene, escalated="false") == [other]
    assert await found(scene, second_look="pending") == []


async def test_claimed_by_whom(scene: Scene) -> None:
    mine, theirs, free = [(await scene.file())["id"] for _ in range(3)]
    colleague = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.street.id)])
    for person, report_id in ((scene.reviewer, mine), (colleague, theirs)):
        answer = await scene.client.put(f"/api/v1/reports/{report_id}/claim", headers=person.headers)
        assert answer.status_code == 200, answer.text
    answers = [await found(scene, claimed=whose) for whose in ("me", "others", "none")]
    assert answers == [[mine], [theirs], [free]]
    lines = {one["id"]: one["claim"] for one in (await scene.get(scene.reviewer, "/inbox"))["items"]}
    assert lines[free] is None and lines[mine]["mine"] is True and lines[theirs]["by"]["id"] == str(colleague.id)
    assert all(one["claim"] is None for one in (await scene.get(scene.worker, "/inbox"))["items"]), "reviewers tell each other"


async def test_names_are_asked_for_once_a_page(scene: Scene) -> None:
    """Each call of the function costs as much as eight other names of a row."""
    calls = "select coalesce(sum(calls), 0) from pg_stat_xact_user_functions where funcname = 'members_named'"
    for _ in range(3):
        await scene.at("dispatched")
    async with as_owner(scene.session):
        await scene.session.exec(sa.text("set local track_functions = 'all'"))
    before = (await scene.session.exec(sa.text(calls))).scalar_one()
    lines = (await scene.get(scene.reviewer, "/inbox"))["items"]
    assert [one["assignee"]["id"] for one in lines] == 3 * [str(scene.worker.id)]
    assert (await scene.session.exec(sa.text(calls))).scalar_one() == before + 1


async def test_the_first_to_be_due_first(scene: Scene) -> None:
    ids = [(await scene.file())["id"] for _ in range(5)]
    hours = [3, 1, 2, 1, 5]
    for report_id, ahead in zip(ids, hours, strict=True):
        await put(scene, report_id, due_at=clock.now().replace(microsecond=0) + timedelta(hours=ahead))
    wanted = [ids[1], ids[3], ids[2], ids[0], ids[4]]
    assert await found(scene, order="due") == wanted
    pages: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await scene.get(scene.reviewer, "/inbox", order="due", limit=2, **cursor)
        pages += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert pages == wanted
    page = await scene.get(scene.reviewer, "/inbox", order="due", limit=2)
    await put(scene, ids[3], due_at=None, due_stage=None)
    rest = await scene.get(scene.reviewer, "/inbox", order="due", cursor=page["next_cursor"])
    assert {ids[2], ids[0], ids[4]} <= {one["id"] for one in rest["items"]}, "nothing is left out because the last one has ended"


async def test_a_worker_who_is_gone_leaves_nothing_unseen(scene: Scene) -> None:
    report_id, done = await scene.at("in_progress"), await scene.at("resolved")
    assert await found(scene, assignee_gone="true") == []
    assert set(await found(scene, assignee_gone="false")) == {report_id, done}
    await scene.session.exec(
        sa.update(AccessGrant).where(AccessGrant.account_id == scene.worker.id).values(revoked_at=queries.CLOCK)  # type: ignore[arg-type]
    )
    assert await found(scene, assignee_gone="true") == [report_id], "what waits for others is in nobody's hands"
    assert (await scene.get(scene.reviewer, "/inbox/counts"))["assignee_gone"] == 1
    await scene.session.exec(
        sa.update(AccessGrant).where(AccessGrant.account_id == scene.worker.id).values(revoked_at=None, scope_id=scene.county.other_grid.id)  # type: ignore[arg-type]
    )
    assert await found(scene, assignee_gone="true") == [report_id], "a grant elsewhere is none here"


async def test_counts(scene: Scene) -> None:
    county = scene.county
    above = await scene.people.member(grants=[on(Role.REVIEWER, county.root.id)])
    await scene.at("accepted")
    working = await scene.at("in_progress")
    emergency = (await scene.file(location=county.place(other=True)))["id"]
    await scene.at("closed")
    await put(scene, emergency, severity="emergency", due_at=queries.CLOCK - timedelta(hours=1))
    await scene.give(scene.worker, working, "extend", {"until": (clock.now() + timedelta(days=3)).isoformat(), "reason": "等配件"})
    await scene.client.put(f"/api/v1/reports/{emergency}/claim", headers=above.headers)
    counts = await scene.get(above, "/inbox/counts")
    by_area = counts.pop("by_area")
    assert counts == {
        "open": 3, "by_status": {"accepted": 1, "in_progress": 1, "submitted": 1}, "overdue": 1, "mine": 0, "claimed_by_me": 1,
        "unassigned": 1, "emergencies": 1, "requests": 1, "assignee_gone": 0,
    }
    assert by_area == [{"id": str(county.street.id), "name": "测试街道", "open": 3, "overdue": 1}]
    lower = (await scene.get(above, "/inbox/counts", area_id=county.street.id))["by_area"]
    assert [(one["name"], one["open"], one["overdue"]) for one in lower] == [("东风社区", 2, 0), ("建设社区", 1, 1)]
    of_worker = await scene.get(scene.worker, "/inbox/counts")
    assert (of_worker["mine"], of_worker["open"], of_worker["by_area"][0]["name"]) == (1, 2, "第一网格"), "the own area, with none below"
    assert (await scene.get(scene.reviewer, "/inbox/counts", area_id=county.other_community.id))["open"] == 0
    assert await refused(scene, scene.reporter, "/inbox/counts") == (403, "forbidden")
    assert await refused(scene, above, "/inbox/counts", area_id=str(new_id())) == (404, "not_found")


async def test_counts_are_those_of_the_lists(scene: Scene) -> None:
    """Whatever is counted can be looked up: the same words mean the same."""
    await scene.at("accepted")
    await scene.at("in_progress")
    await put(scene, await scene.at("dispatched"), due_at=queries.CLOCK - timedelta(hours=1))
    counts = await scene.get(scene.worker, "/inbox/counts")
    assert counts["open"] == len(await found(scene, scene.worker))
    assert counts["overdue"] == len(await found(scene, scene.worker, overdue="true")) == 1
    assert counts["mine"] == len(await found(scene, scene.worker, assignee=scene.worker.id)) == 2
    for status, count in counts["by_status"].items():
        assert len(await found(scene, scene.worker, status=status)) == count


async def test_reviewers_hear_once_that_a_worker_is_gone(scene: Scene, run_job: Any) -> None:
    report_id = await scene.at("in_progress")
    await run_job("report.tell_left")
    assert "处理人已不在岗" not in await scene.inbox_of(scene.reviewer)
    ended = sa.update(AccessGrant).where(AccessGrant.account_id == scene.worker.id)  # type: ignore[arg-type]
    await scene.session.exec(ended.values(revoked_at=queries.CLOCK - timedelta(hours=3)))
    await run_job("report.tell_left")
    assert (await scene.inbox_of(scene.reviewer)).count("处理人已不在岗") == 1
    await scene.session.exec(ended.values(revoked_at=queries.CLOCK - timedelta(days=2)))
    await run_job("report.tell_left")
    assert (await scene.inbox_of(scene.reviewer)).count("处理人已不在岗") == 1, "yesterday's news"
    assert await found(scene, assignee_gone="true") == [report_id], "the list keeps it"
