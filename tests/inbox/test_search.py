"""Looking for reports by words and numbers: what is found, by whom, and what the database knows of it."""

import secrets
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.inbox import queries, views_search
from app.reports import search, texts
from app.reports import service as reports_service
from app.reports.models import Report, ReportGram
from app.reports.search import Sought
from app.reports.service import keeping
from app.security.keys import KeyRing, MasterKeys
from tests.reports.scene import Scene, on
from tests.support.owner import without_second_wall
from tests.support.people import Person

MANHOLE = "文化路１２号门前，井盖。松动！联系 Wang-Wei（ＡＢＣ１２３）"


async def found(scene: Scene, q: str, person: Person | None = None, **params: Any) -> list[str]:
    return [one["id"] for one in (await scene.get(person or scene.reviewer, "/search", q=q, **params))["items"]]


async def refused(scene: Scene, person: Person, **params: Any) -> tuple[int, str]:
    answer = await scene.client.get("/api/v1/reports/search", params=params, headers=person.headers)
    return answer.status_code, answer.json()["code"]


async def grams(scene: Scene, report_id: str) -> list[int]:
    row = await scene.session.exec(sa.select(col(ReportGram.grams)).where(col(ReportGram.report_id) == UUID(report_id)))
    return cast(list[int], row.scalar_one())


@pytest.mark.parametrize(
    "q",
    ["井盖", "井盖松动", "盖 松 井盖", "松动 文化路", "文化路12号", "文化路１２号", "wang wei", "WANGWEI", "abc123", "ＡＢＣ", "人民公园",
     " 井，盖 "],
)
async def test_words_are_found_however_they_are_typed(scene: Scene, q: str) -> None:
    made = await scene.file(description=MANHOLE, address="人民公园东门")
    await scene.file(description="路面有坑")
    assert await found(scene, q) == [made["id"]]


@pytest.mark.parametrize("q", ["盖井", "井盖 路面", "门前联系", "动人民", "井盖 灯"])
async def test_what_is_not_said_is_not_found(scene: Scene, q: str) -> None:
    await scene.file(description=MANHOLE, address="人民公园东门")
    await scene.file(description="路面有坑")
    assert await found(scene, q) == []


@pytest.mark.parametrize("q", ["井", "，。", "井 盖", "a", " 1 ", "井" * 61])
async def test_two_characters_side_by_side_at_least(scene: Scene, q: str) -> None:
    assert await refused(scene, scene.reviewer, q=q) == (422, "validation_error")


async def test_numbers(scene: Scene) -> None:
    made, other = await scene.file(), await scene.file(description="电表号 123456 的箱子坏了")
    number, tail = made["number"], made["number"][-6:]
    for typed in (number, number.lower(), number[1:], f" {number} ", number.replace("-", ""), tail, f"-{tail}"):
        assert await found(scene, typed) == [made["id"]], typed
    assert await found(scene, "123456") == [other["id"]]
    assert await found(scene, "R20200101-000001") == []


async def test_only_staff_and_only_their_areas(scene: Scene) -> None:
    county = scene.county
    here = (await scene.file(description="井盖松动"))["id"]
    there = (await scene.file(description="井盖丢失", location=county.place(other=True)))["id"]
    for role, area, expected in (
        (Role.REVIEWER, county.street, [there, here]), (Role.AREA_ADMIN, county.community, [here]),
        (Role.GRID_WORKER, county.other_grid, [there]), (Role.REVIEWER, county.other_community, [there]),
    ):
        assert await found(scene, "井盖", await scene.people.member(grants=[on(role, area.id)])) == expected
    auditor = await scene.people.member(grants=[on(Role.AUDITOR, county.root.id)])
    for person in (scene.reporter, auditor, await scene.people.console()):
        assert await refused(scene, person, q="井盖") == (403, "forbidden")
    elsewhere = await scene.people.member(grants=[on(Role.REVIEWER, county.other_community.id)])
    assert await found(scene, there_number := (await scene.get(elsewhere, f"/{there}"))["number"], elsewhere) == [there]
    assert await found(scene, there_number) == [], "a number tells nothing either"


async def test_the_judge_sees_a_search_without_a_scope(
    scene: Scene, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = (await scene.file(description="井盖丢失", location=scene.county.place(other=True)))["id"]
    assert await found(scene, "井盖") == []
    monkeypatch.setattr(queries, "_scope", lambda principal: sa.true())
    assert await found(scene, "井盖") == [], "the second wall holds"
    await without_second_wall(session)
    assert await found(scene, "井盖") == [there]


async def test_an_address_is_looked_into_by_whom_it_is_shown_to(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid worker sees places of open reports only: a search must not find out where an ended one was."""
    made = await scene.file(description="井盖松动", address="人民公园东门")
    assert await found(scene, "人民公园", scene.worker) == await found(scene, "人民公园") == [made["id"]]
    await scene.give(scene.reviewer, made["id"], "reject", {"reason_code": "not_a_problem", "note": "x"})
    assert await found(scene, "人民公园") == [made["id"]], "a reviewer sees it always"
    assert await found(scene, "人民公园", scene.worker) == [] and await found(scene, "井盖", scene.worker) == [made["id"]]
    monkeypatch.setattr(search, "holds", lambda sought, told: True)
    assert await found(scene, "人民公园", scene.worker) == [made["id"]], "the pairs alone would tell"


async def test_it_is_narrowed(scene: Scene) -> None:
    county, today = scene.county, clock.today()
    here = (await scene.file(description="井盖松动"))["id"]
    there = (await scene.file(description="井盖丢失", category_code="manhole_missing", location=county.place(other=True)))["id"]
    above = await scene.people.member(grants=[on(Role.REVIEWER, county.street.id)])
    await scene.give(scene.reviewer, here, "accept", {})
    for params, expected in (
        ({"status": "accepted"}, [here]), ({"status": ["accepted", "submitted"]}, [there, here]),
        ({"category_code": "manhole_missing"}, [there]), ({"area_id": str(county.grid.id)}, [here]),
        ({"from": today.isoformat(), "to": today.isoformat()}, [there, here]), ({"to": "2026-01-01"}, []),
    ):
        assert await found(scene, "井盖", above, **params) == expected, params
    assert await refused(scene, above, q="井盖", area_id=str(UUID(int=1))) == (404, "not_found")
    assert await refused(scene, above, q="井盖", **{"from": "2026-01-02", "to": "2026-01-01"}) == (422, "validation_error")


async def test_pages_follow_each_other(scene: Scene) -> None:
    made = [(await scene.file(description="井盖松动"))["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = await scene.get(scene.reviewer, "/search", q="井盖", limit=2, **({"cursor": cursor} if cursor else {}))
        seen, cursor = seen + [one["id"] for one in page["items"]], page["next_cursor"]
    assert seen == made[::-1] and cursor is None


async def test_a_flood_of_pairs_without_the_words_is_bounded(
    scene: Scene, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many reports hold the pairs of 路面积 and one the word: a page reads a few times and gives up, the next goes on from there."""
    wanted = (await scene.file(description="路面积水"))["id"]
    decoys = 12
    for _ in range(decoys):
        await scene.file(description="路面，面积大")
    monkeypatch.setattr(views_search, "SPARE", 0)
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        statements.clear()
        page = await scene.get(scene.reviewer, "/search", q="路面积", limit=1, **({"cursor": cursor} if cursor else {}))
        seen, cursor, pages = seen + [one["id"] for one in page["items"]], page["next_cursor"], pages + 1
        assert sum("report_gram" in statement for statement in statements) <= views_search.STEPS
    assert (seen, pages) == ([wanted], 2), "eight candidates a page of four steps, thirteen in all"


async def test_a_changed_text_is_found_as_it_is_now(scene: Scene) -> None:
    made = await scene.file(description="井盖松动", address="人民公园东门")
    answer = await scene.amend(scene.reporter, made["id"], {"description": "路灯不亮"})
    assert answer.status_code == 200, answer.text
    assert await found(scene, "路灯") == await found(scene, "人民公园") == [made["id"]] and await found(scene, "井盖") == []
    await scene.amend(scene.reporter, made["id"], {"address": None})
    assert await found(scene, "路灯") == [made["id"]] and await found(scene, "人民公园") == []
    assert len(await grams(scene, made["id"])) == len(search.pairs(["路灯不亮"]))


async def test_what_an_older_release_writes_is_found_a_little_later(scene: Scene, run_job: Any) -> None:
    made = await scene.file(description="井盖松动")
    report = await scene.session.get(Report, UUID(made["id"]))
    assert report is not None
    texts.seal_description(scene.session, report, "路灯不亮")
    await scene.session.flush()
    assert await found(scene, "井盖") == [], "the pairs are there, the words are not"
    await run_job("report.index_old_texts")
    assert await found(scene, "路灯") == [made["id"]]
    before = await grams(scene, made["id"])
    await run_job("report.index_old_texts")
    assert await grams(scene, made["id"]) == before


async def test_what_nobody_can_open_is_tried_once(scene: Scene, run_job: Any) -> None:
    made, other = await scene.file(description="井盖松动"), await scene.file(description="路灯不亮")
    broken = sa.update(Report).where(col(Report.id) == UUID(made["id"])).values(description_sealed=b"\x01\x01\x02k9" + bytes(40))
    await scene.session.exec(broken.execution_options(synchronize_session=False))
    await scene.session.exec(sa.update(ReportGram).values(made_under=None))
    await run_job("report.index_old_texts")
    rows = (await scene.session.exec(sa.select(col(ReportGram.report_id), col(ReportGram.made_under)))).all()
    assert {str(one): under == "?/?" for one, under in rows} == {made["id"]: True, other["id"]: False}
    assert await grams(scene, made["id"]) == [] and await found(scene, "路灯") == [other["id"]]


async def test_an_erasure_empties_it_in_the_same_statement(scene: Scene, run_job: Any) -> None:
    made, stays = await scene.file(description="井盖松动"), await scene.file(scene.worker, description="井盖丢失")
    await reports_service.forget(scene.session, member_id=scene.reporter.id)
    assert await grams(scene, made["id"]) == [] and await grams(scene, stays["id"]) != []
    await run_job("report.index_old_texts")
    assert await grams(scene, made["id"]) == [] and await found(scene, "井盖") == [stays["id"]]


async def test_retention_takes_out_what_it_takes_out_of_the_text(scene: Scene) -> None:
    made = await scene.file(description="井盖松动，电话13812345678", address="人民公园东门")
    await scene.give(scene.reviewer, made["id"], "reject", {"reason_code": "not_a_problem", "note": "x"})
    assert await found(scene, "13812345678") == [made["id"]]
    await keeping.anonymise_texts(scene.session, ids=[UUID(made["id"])])
    assert await found(scene, "井盖松动") == [made["id"]]
    kept = set(await grams(scene, made["id"]))
    for q in ("13812345678", "人民公园"):
        assert await found(scene, q) == []
        gone = texts.wanted(scene.session, search.sought(q))
        assert all(kept.isdisjoint(under) for under in gone), "nor could the pairs tell"


async def test_the_places_that_retention_rounds_leave_no_address(scene: Scene, run_job: Any) -> None:
    made = await scene.file(description="井盖松动", address="人民公园东门")
    await scene.give(scene.reviewer, made["id"], "reject", {"reason_code": "not_a_problem", "note": "x"})
    await keeping.round_places(scene.session, ids=[UUID(made["id"])])
    assert await grams(scene, made["id"]) == []
    await run_job("report.index_old_texts")
    assert await found(scene, "井盖") == [made["id"]] and await found(scene, "人民公园") == []


async def test_the_rows_hold_numbers_that_another_key_makes_otherwise(scene: Scene) -> None:
    first, second = await scene.file(description="井盖松动"), await scene.file(description="动松盖井")
    rows = (await scene.session.exec(sa.text("select g::text from report_gram g"))).scalars().all()
    assert rows and not any(word in row for row in rows for word in "井盖松动")
    kept = await grams(scene, first["id"])
    assert kept == sorted(kept) and len(kept) == 3 and all(0 <= one < 2**63 for one in kept), "in no order of the text"
    assert set(kept).isdisjoint(await grams(scene, second["id"])), "the order of two characters counts"
    sought = search.sought("井盖松动")
    assert kept in texts.wanted(scene.session, sought)
    for cipher in ("aes-256-gcm", "sm4-gcm"):
        assert kept not in texts.wanted(carrying(cipher), sought), "without the key nobody makes them"


def carrying(cipher: str) -> AsyncSession:
    ring = KeyRing(MasterKeys({"s1": secrets.token_bytes(32)}), MasterKeys({"k1": secrets.token_bytes(32)}), cipher)
    return cast(AsyncSession, SimpleNamespace(info={"keys": ring}))


@pytest.mark.parametrize(
    ("typed", "words", "number", "tail"),
    [
        ("井盖", ("井盖",), None, None), ("  井盖 ，  路灯!", ("井盖", "路灯"), None, None), ("ＡＢ－ｃ", ("abc",), None, None),
        ("ß ﬁ", ("ss", "fi"), None, None), ("r20261122-000017", ("r20261122000017",), "R20261122-000017", None),
        ("２０２６１１２２００００１７", ("20261122000017",), "R20261122-000017", None), ("000017", ("000017",), None, "000017"),
        ("R2026112-000017", ("r2026112000017",), None, None), ("👍👍", (), None, None),
    ],
)
def test_what_is_typed_is_read(typed: str, words: tuple[str, ...], number: str | None, tail: str | None) -> None:
    assert search.sought(typed) == Sought(words, number, tail)


@pytest.mark.parametrize(
    ("text", "found"), [(["路面积水"], True), (["路面，面积"], False), (["路面", "面积"], False), (["路-面 积"], True)]
)
def test_pairs_are_not_yet_a_word(text: Sequence[str], found: bool) -> None:
    sought = search.sought("路面积")
    assert sought.pairs <= search.pairs(text) or not found
    assert search.holds(sought, text) is found
