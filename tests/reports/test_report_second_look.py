"""复核: drawn at random, by a third person, holding nothing up; and that a verifier is never the resolver, by the database itself."""

from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app.auth.roles import Role
from app.reports import queries
from app.reports.models import Report, ReportSecondLook
from app.reports.service import looks
from app.reports.words import LookStatus
from tests.reports.scene import Scene, on
from tests.support.people import Person

YES, NO = {"passed": True, "note": "看过，确已修好"}, {"passed": False, "note": "坑还在"}


async def third(scene: Scene) -> Person:
    return await scene.people.member(grants=[on(Role.REVIEWER, scene.county.community.id)])


async def drawn(scene: Scene, state: str = "awaiting_feedback") -> str:
    """A report whose verification was drawn."""
    await scene.draws(100)
    return await scene.at(state)


async def test_a_drawn_verification_waits_for_nobody(scene: Scene) -> None:
    report_id = await drawn(scene)
    other = await third(scene)
    shown = await scene.get(other, f"/{report_id}")
    assert shown["second_look"]["status"] == "pending" and "second-look" in shown["allowed"]
    for person in (scene.reporter, scene.worker, await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.root.id)])):
        assert (await scene.get(person, f"/{report_id}"))["second_look"] is None, "for reviewers only"
    await scene.lead(report_id, "closed", since="awaiting_feedback")
    shown = await scene.give(other, report_id, "second-look", YES)
    assert (shown["status"], shown["second_look"]["status"]) == ("closed", "passed") and "second-look" not in shown["allowed"]
    assert await scene.refused(other, report_id, "second-look", YES) == (409, "invalid_transition"), "once"


async def test_what_is_not_drawn_is_not_looked_at(scene: Scene) -> None:
    await scene.draws(0)
    report_id = await scene.at("awaiting_feedback")
    other = await third(scene)
    assert (await scene.get(other, f"/{report_id}"))["second_look"] is None
    assert await scene.refused(other, report_id, "second-look", YES) == (409, "invalid_transition")


async def test_a_no_before_the_feedback_disputes(scene: Scene) -> None:
    report_id = await drawn(scene)
    other = await third(scene)
    shown = await scene.give(other, report_id, "second-look", NO)
    assert (shown["status"], shown["second_look"]["status"], shown["due"]["stage"]) == ("disputed", "failed", "decide")
    assert (await scene.inbox_of(scene.reporter))[0] == "复核发现问题" and (await scene.inbox_of(scene.reviewer))[0] == "复核未通过"
    row = (await scene.get(other, f"/{report_id}/timeline"))[-1]
    assert (row["command"], row["from"], row["to"], row["note"]) == ("second-look", "awaiting_feedback", "disputed", "坑还在")
    assert (await scene.give(scene.reviewer, report_id, "decide", {"rework": True, "note": "返工"}))["status"] == "in_progress"


async def test_a_no_after_the_closing_is_told_and_changes_nothing(scene: Scene) -> None:
    report_id = await drawn(scene, "closed")
    points = await scene.points(scene.reporter)
    shown = await scene.give(await third(scene), report_id, "second-look", NO)
    assert (shown["status"], shown["second_look"]["status"]) == ("closed", "failed")
    assert (await scene.inbox_of(scene.reporter))[0] == "复核发现问题" and (await scene.inbox_of(scene.reviewer))[0] == "复核未通过"
    assert await scene.points(scene.reporter) == points
    assert (await scene.give(scene.reporter, report_id, "reopen", {"reason": "确实没好"}))["status"] == "reopened"


async def test_it_is_a_third_person_who_looks(scene: Scene) -> None:
    both = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.community.id), on(Role.GRID_WORKER, scene.county.grid.id)])
    await scene.draws(100)
    report_id = (await scene.file())["id"]
    await scene.lead(report_id, "awaiting_feedback", worker=both)
    for person in (both, scene.reviewer, scene.reporter, scene.worker):
        assert await scene.refused(person, report_id, "second-look", NO) == (403, "forbidden")
        assert "second-look" not in (await scene.get(person, f"/{report_id}"))["allowed"]
    assert await scene.refused(await scene.people.member(), report_id, "second-look", NO) == (404, "not_found")
    await scene.give(await third(scene), report_id, "second-look", NO)


async def test_new_work_lets_an_open_look_lapse(scene: Scene) -> None:
    report_id = await drawn(scene)
    await scene.give(scene.reporter, report_id, "feedback", {"satisfied": False})
    await scene.give(scene.reviewer, report_id, "decide", {"rework": True, "note": "返工"})
    other = await third(scene)
    assert (await scene.get(other, f"/{report_id}"))["second_look"]["status"] == "lapsed"
    await scene.lead(report_id, "awaiting_feedback", since="in_progress")
    assert (await scene.get(other, f"/{report_id}"))["second_look"]["status"] == "pending", "the new verification was drawn anew"
    await scene.lead(report_id, "closed", since="awaiting_feedback")
    await scene.give(scene.reporter, report_id, "reopen", {"reason": "又坏了"})
    assert (await scene.get(other, f"/{report_id}"))["second_look"]["status"] == "lapsed"


async def test_the_list_of_those_that_wait(scene: Scene) -> None:
    waiting = await drawn(scene)
    await scene.draws(0)
    await scene.at("awaiting_feedback")
    found = await scene.session.exec(sa.select(col(Report.id)).where(queries.look_pending()))
    assert [str(one) for one in found.scalars()] == [waiting]


async def refuses(scene: Scene, statement: sa.UpdateBase, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        async with scene.session.begin_nested():
            await scene.session.exec(statement)


async def test_the_database_knows_two_persons_and_a_third(scene: Scene) -> None:
    """The service refuses before; these are the statements that a service with a mistake would send."""
    report_id = UUID(await drawn(scene))
    of_report = sa.update(Report).where(col(Report.id) == report_id)
    await refuses(scene, of_report.values(verifier_id=scene.worker.id), "ck_report_verified_by_another")
    look = sa.update(ReportSecondLook).where(col(ReportSecondLook.report_id) == report_id)
    done = {"status": LookStatus.PASSED, "looked_at": queries.CLOCK}
    for person in (scene.worker, scene.reviewer):
        await refuses(scene, look.values(looked_by=person.id, **done), "ck_report_second_look_third_person")
    await refuses(scene, look.values(status=LookStatus.PASSED), "ck_report_second_look_looked_whole")
    await scene.session.exec(look.values(looked_by=(await third(scene)).id, **done))


async def test_who_verified_may_resolve_the_next_time(scene: Scene) -> None:
    """Also in the previous release, which writes resolver and time and knows no verifier."""
    report_id = UUID(await drawn(scene))
    again = {"resolver_id": scene.reviewer.id, "resolved_at": queries.CLOCK}
    await scene.session.exec(sa.update(Report).where(col(Report.id) == report_id).values(**again))
    left = await scene.session.exec(sa.select(col(Report.resolver_id), col(Report.verifier_id)).where(col(Report.id) == report_id))
    assert left.one() == (scene.reviewer.id, None)


def test_the_share_of_what_is_drawn() -> None:
    assert not any(looks.drawn(0) for _ in range(1000)) and all(looks.drawn(100) for _ in range(1000))
    assert 700 < sum(looks.drawn(10) for _ in range(10_000)) < 1300
