"""A page of what was judged, waits, was asked for or is stopped costs as many statements with ten rows as with one."""

from datetime import timedelta
from typing import Any

from app import clock
from app.db.base import new_id
from app.points.models_conditions import PointsConfirmation, PointsEarningStop
from tests.architecture.test_list_cost import ROWS, cost
from tests.points.awarding import Loop, monday
from tests.points.conftest import Earn
from tests.support.people import Person


async def expect_constant(loop: Loop, who: Person, path: str, statements: list[str]) -> None:
    one, page = await cost(loop.scene.client, who, f"/points{path}?limit=1", statements)
    all_of_them, whole = await cost(loop.scene.client, who, f"/points{path}?limit={ROWS}", statements)
    assert (len(page["items"]), len(whole["items"])) == (1, ROWS), path
    assert all_of_them == one, f"{path}: {one} statements for one row, {all_of_them} for {ROWS}"
    found: list[Any] = []
    cursor = ""
    while cursor is not None:
        _, step = await cost(loop.scene.client, who, f"/points{path}?limit=3{cursor and f'&cursor={cursor}'}", statements)
        found, cursor = found + [row["id"] for row in step["items"]], step["next_cursor"]
    assert found == [row["id"] for row in whole["items"]], "pages of three are the list"


async def test_judgements_of_both_kinds(loop: Loop, earn: Earn, statements: list[str]) -> None:
    for days in range(ROWS - 2):
        await earn(loop.rider.id, filed_at=clock.now() - timedelta(days=days))
    for _ in range(2):
        loop.scene.session.add(await waiting_row(loop))
    await loop.scene.session.flush()
    await expect_constant(loop, loop.rider, "/me/awards", statements)


async def waiting_row(loop: Loop) -> PointsConfirmation:
    return PointsConfirmation(
        member_id=loop.rider.id, rule_code="HAZARD_ACCEPTED", rule_version=1, source_type="report", source_id=new_id(),
        source_number=f"R{new_id().hex[-15:]}", filed_on=monday(), points=50, area_path=loop.scene.county.community.path,
        first_actor_id=loop.reviewers[0].id,
    )


async def test_confirmations(loop: Loop, statements: list[str]) -> None:
    loop.scene.session.add_all([await waiting_row(loop) for _ in range(ROWS)])
    await loop.scene.session.flush()
    await expect_constant(loop, loop.reviewers[1], "/confirmations", statements)


async def test_awards_and_stops(loop: Loop, statements: list[str]) -> None:
    session, today = loop.scene.session, clock.today()
    for _ in range(ROWS):
        made = await loop.asked(loop.admins[0], report_id=(await loop.rejected())["id"], rule_code="FALSE_REPORT")
        session.add(PointsEarningStop(
            member_id=loop.rider.id, area_path=loop.scene.county.community.path, starts_on=today, until=today, cause_id=made.json()["id"],
        ))
    await session.flush()
    await expect_constant(loop, loop.admins[1], "/awards", statements)
    await expect_constant(loop, loop.admins[1], "/earning-stops", statements)
