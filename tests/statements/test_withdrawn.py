"""A consent that is taken back, a text that asks anew, a person who leaves: the name goes from every month, the figures stay."""

import json
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.auth import service as auth_service
from app.me import service as me_service
from app.statements import queries
from app.statements.models import EnterpriseStatementLine, EnterpriseStatementName
from tests.statements.conftest import API, FIRST, SECOND, THIS, Firm, middle
from tests.support.people import Person

KEPT = ("status", "members", "points_total", "corrections", "frozen_at", "digest")


@pytest.fixture
async def riders(firm: Firm) -> list[Person]:
    """Two who are named in every month, in which both earn."""
    made = [await firm.rider("张三"), await firm.rider("李四")]
    for rider, points in zip(made, (30, 12), strict=True):
        for month in (FIRST, SECOND):
            await firm.earns(rider, points, middle(month))
    await firm.freeze()
    return made


async def rows(firm: Firm, member_id: UUID) -> tuple[int, int]:
    """How many lines and names of a person are kept."""
    found = []
    for table in (EnterpriseStatementLine, EnterpriseStatementName):
        count = sa.select(sa.func.count()).select_from(table).where(col(table.member_id) == member_id)
        found.append((await firm.session.exec(count)).scalar_one())
    return found[0], found[1]


def gone(before: dict[str, Any], after: dict[str, Any]) -> None:
    """The line of 张三 only, and what counts the lines that are shown."""
    assert [line["name"] for line in before["lines"]] == ["李四", "张三"]
    assert after["lines"] == before["lines"][:1]
    assert (after["members_listed"], after["points_listed"]) == (1, 12)
    assert {name: after[name] for name in KEPT} == {name: before[name] for name in KEPT}


async def test_a_consent_taken_back_takes_the_line_from_what_is_shown(firm: Firm, riders: list[Person]) -> None:
    before, files = await firm.shows(FIRST), await firm.files(FIRST)
    lines, names = await rows(firm, riders[0].id)
    assert names == lines > 0 and "张三".encode() in files["csv"]
    assert (await firm.says(riders[0], granted=False))["closed"] == [{"kind": "statement_line", "number": None}]
    gone(before, await firm.shows(FIRST))
    after = await firm.files(FIRST)
    assert "张三".encode() not in after["csv"] and all(after[format] != files[format] for format in files)
    assert await rows(firm, riders[0].id) == (lines, 0)
    assert await firm.files(FIRST) == after and await firm.wrong() == [], "from now on it is this, byte for byte"


async def test_a_yes_that_comes_back_brings_no_old_month_back(firm: Firm, riders: list[Person]) -> None:
    await firm.says(riders[0], granted=False)
    await firm.says(riders[0], granted=True)
    assert [line["name"] for line in (await firm.shows(FIRST))["lines"]] == ["李四"]
    this = await firm.shows(THIS)
    assert [line["name"] for line in this["lines"]] == ["李四", "张三"], "the next statement names them again"


async def test_a_text_that_asks_anew_hides_until_they_agree(firm: Firm, riders: list[Person]) -> None:
    """Nobody has taken anything back: the line waits for the new yes."""
    before = await firm.shows(FIRST)
    await auth_service.set_consented(firm.session, account_id=riders[0].id, purposes=["service"])
    gone(before, await firm.shows(FIRST))
    await auth_service.set_consented(firm.session, account_id=riders[0].id, purposes=["service", "employer_statement"])
    assert await firm.shows(FIRST) == before


async def test_an_erasure_leaves_ids_and_figures(firm: Firm, riders: list[Person]) -> None:
    before = await firm.shows(FIRST)
    lines, _ = await rows(firm, riders[0].id)
    counts = await me_service.rehearse(firm.session, member_id=riders[0].id)
    assert counts["statements"] == lines
    gone(before, await firm.shows(FIRST))
    assert await rows(firm, riders[0].id) == (lines, 0)
    assert await firm.wrong() == []


async def test_the_copy_of_ones_data_says_what_employers_were_told(firm: Firm, riders: list[Person]) -> None:
    copy = (await firm.client.get(f"{API}/members/me/export", headers=riders[0].headers)).json()["data"]["statements"]["statements"]
    told = {one["month"]: one for one in copy}
    assert told[f"{FIRST:%Y-%m}"] == {
        "enterprise": "顺风速递兖州站", "month": f"{FIRST:%Y-%m}", "name": "张三", "worked": True, "events": 1, "points": 30,
        "corrections": 0,
    }
    await firm.says(riders[0], granted=False)
    again = await queries.export(firm.session, member_id=riders[0].id)
    assert [one["name"] for one in again["statements"]] == [None] * len(copy) and "李四" not in json.dumps(again, ensure_ascii=False)


async def test_names_stand_sealed(firm: Firm, riders: list[Person]) -> None:
    found = await firm.session.exec(sa.select(EnterpriseStatementName))
    assert all("张三".encode() not in row.name_sealed and "李四".encode() not in row.name_sealed for row in found.scalars().all())
