"""Figures and facets equal a straight count of random lives, whether the summaries know of them yet or not."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook

from app import clock
from app.auth.roles import Role
from app.statistics import queries, rebuilding
from tests.reports.scene import Scene, on
from tests.statistics.lives import Life, Lives, grouped, straight
from tests.support.people import Person

FIGURES = tuple(straight([]))
TABLES = ("report_fact", "report_series", "report_summary", "report_hours", "report_cell")


def span(days: int = 90) -> dict[str, str]:
    return {"from": (clock.today() - timedelta(days=days)).isoformat(), "to": clock.today().isoformat()}


def figures(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in FIGURES}


def same(shown: dict[str, Any], lives: list[Life]) -> None:
    wanted = straight(lives)
    for name in FIGURES:
        assert shown[name] == pytest.approx(wanted[name], abs=0.0101 if "hours" in name else 0), name


async def agree(scene: Scene, lives: Lives, head: Person) -> None:
    """All of it, over all areas and several spans."""
    county = scene.county
    for area, depth in ((county.root, 1), (county.street, 2), (county.other_community, 3), (county.grid, 4)):
        shown = await scene.get(head, "/stats", area_id=str(area.id), **span())
        inside = lives.within(area.path)
        same(shown, inside)
        parts = (
            ("by_category", "code", grouped(inside, lambda life: life.report.category_code or "uncategorised")),
            ("by_unit", "id", grouped([one for one in inside if one.report.unit_id], lambda life: str(life.report.unit_id))),
        )
        for part, key, wanted in parts:
            assert {row[key] for row in shown[part]} == set(wanted), part
            for row in shown[part]:
                same(row, wanted[row[key]])
        below = grouped(inside, lambda life, depth=depth: life.report.area_path.split("/")[depth])
        assert sorted(row["received"] for row in shown["by_area"]) == sorted(map(len, below.values()))
        for part in ("by_category", "by_area"):
            for name in ("received", "filed", "closed", "closed_in_time", "rework", "extension"):
                assert sum(row[name] for row in shown[part]) == shown[name], (part, name)
    days = {"from": (clock.today() - timedelta(days=50)).isoformat(), "to": (clock.today() - timedelta(days=13)).isoformat()}
    some = [life for life in lives.all if days["from"] <= clock.local_day(life.report.created_at).isoformat() <= days["to"]]
    same(await scene.get(head, "/stats", area_id=str(county.root.id), **days), some)
    facets = await scene.get(head, "/facets", area_id=str(county.root.id), **span())
    assert facets["total"] == len(lives.all)
    for part, key in (("by_status", lambda life: life.status), ("by_severity", lambda life: life.report.severity)):
        assert {row["code"]: row["count"] for row in facets[part]} == {k: len(v) for k, v in grouped(lives.all, key).items()}


async def test_figures_are_a_straight_count(scene: Scene, lives: Lives, head: Person, run_job: Callable[..., Any]) -> None:
    await agree(scene, lives, head)  # nothing counted yet
    await lives.roll(run_job)
    await agree(scene, lives, head)
    await lives.go_on()
    await agree(scene, lives, head)  # some counted as they were
    await lives.roll(run_job)
    await agree(scene, lives, head)
    assert await rebuilding.differences(scene.session) == []


async def test_hours_of_many_cases_are_within_a_hundredth(
    scene: Scene, lives: Lives, head: Person, run_job: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "EXACT", 0)
    await lives.roll(run_job)
    await lives.go_on()
    shown, wanted = await scene.get(head, "/stats", area_id=str(scene.county.root.id), **span()), straight(lives.all)
    for name in ("median_hours", "p90_hours"):
        assert shown[name] == pytest.approx(wanted[name], rel=0.0105, abs=0.01)


async def rows(scene: Scene) -> dict[str, list[str]]:
    return {
        table: sorted((await scene.session.exec(sa.text(f"select t::text from {table} t"))).scalars().all()) for table in TABLES
    }


async def test_counting_again_changes_nothing(scene: Scene, lives: Lives, run_job: Callable[..., Any]) -> None:
    await lives.roll(run_job)
    once = await rows(scene)
    assert all(once.values())
    await scene.session.exec(sa.text("insert into report_stale (report_id) select id from report, generate_series(1, 2)"))
    await lives.roll(run_job)
    assert await rows(scene) == once


async def test_a_rebuild_gives_what_step_by_step_gave(scene: Scene, lives: Lives, run_job: Callable[..., Any]) -> None:
    await lives.roll(run_job)
    await lives.go_on()
    await lives.roll(run_job)
    assert await rebuilding.differences(scene.session) == []
    assert await rebuilding.rebuild(scene.session) == len(lives.all)
    assert await rebuilding.differences(scene.session) == []


@pytest.mark.parametrize(("table", "damage"), [
    ("report_summary", "update report_summary set received = received + 1 where ctid = (select min(ctid) from report_summary)"),
    ("report_hours", "delete from report_hours where ctid = (select min(ctid) from report_hours)"),
    ("report_cell", "update report_cell set lng = lng + 1 where ctid = (select min(ctid) from report_cell)"),
    ("report_fact", "update report_fact set rework = not rework where ctid = (select min(ctid) from report_fact where not closed)"),
])
async def test_the_check_finds_any_damage(scene: Scene, lives: Lives, run_job: Callable[..., Any], table: str, damage: str) -> None:
    await lives.roll(run_job)
    await scene.session.exec(sa.text(damage))
    assert table in {one.table for one in await rebuilding.differences(scene.session)}
    await rebuilding.rebuild(scene.session)
    assert await rebuilding.differences(scene.session) == []


async def test_a_report_of_a_second_ago_counts(scene: Scene, head: Person, run_job: Callable[..., Any]) -> None:
    await scene.at("closed")
    await run_job("statistics.roll_up")
    made = await scene.file()
    await scene.give(scene.reviewer, made["id"], "accept", {})
    shown = await scene.get(head, "/stats", area_id=str(scene.county.root.id), **span(0))
    assert (shown["received"], shown["filed"], shown["closed"], shown["satisfaction"]) == (2, 2, 1, 1.0)


async def test_the_life_over_http_and_the_log_agree(scene: Scene, head: Person, run_job: Callable[..., Any]) -> None:
    """A rework and an extension as the commands write them, not as this folder's rows have them."""
    report_id = await scene.at("resolved")
    await scene.give(scene.reviewer, report_id, "verify", {"passed": False, "note": "未修好"})
    until = (clock.now() + timedelta(days=3)).isoformat()
    await scene.give(scene.worker, report_id, "extend", {"until": until, "reason": "缺材料"})
    for rework, extension in ((1, 0), (1, 1)):
        shown = await scene.get(head, "/stats", area_id=str(scene.county.root.id), **span(0))
        assert (shown["rework"], shown["extension"]) == (rework, extension)
        if not extension:
            await scene.give(scene.reviewer, report_id, "decide-request", {"approve": True, "note": "同意"})
            await run_job("statistics.roll_up")


async def test_who_may_see_figures(scene: Scene, head: Person) -> None:
    inner = await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.other_community.id)])
    for path in ("/stats", "/facets"):
        answers = {}
        for name, person in {"head": head, "rider": scene.reporter, "other": inner}.items():
            answer = await scene.client.get(
                f"/api/v1/reports{path}", params={"area_id": str(scene.county.community.id), **span()}, headers=person.headers
            )
            answers[name] = answer.status_code
        assert answers == {"head": 200, "rider": 403, "other": 404}


async def test_files_hold_the_same_and_no_formula(scene: Scene, lives: Lives, head: Person) -> None:
    shown = await scene.get(head, "/stats", area_id=str(scene.county.root.id), **span())
    names = {row["name"] for row in shown["by_unit"]}
    assert "=环卫公司" in names
    files = {}
    for kind in ("csv", "xlsx"):
        files[kind] = await scene.client.get(
            "/api/v1/reports/stats", params={"area_id": str(scene.county.root.id), "format": kind, **span()}, headers=head.headers
        )
        assert files[kind].status_code == 200
    lines = files["csv"].content.decode("utf-8-sig").splitlines()
    assert len(lines) == 2 + sum(len(shown[part]) for part in ("by_category", "by_area", "by_unit"))
    assert lines[1].startswith(f"合计,测试县,{shown['received']},{shown['filed']},") and "'=环卫公司" in files["csv"].text
    sheet = load_workbook(BytesIO(files["xlsx"].content)).active
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells) and "=环卫公司" in {cell.value for cell in cells}
    refused = await scene.client.get(
        "/api/v1/reports/stats", params={"area_id": str(scene.county.root.id), "format": "csv", **span()}, headers=scene.reporter.headers
    )
    assert refused.status_code == 403


async def test_figures_cost_the_same_for_any_number_of_reports(scene: Scene, head: Person, statements: list[str]) -> None:
    made = Lives(scene.session, scene.county, scene.reporter.id)

    async def cost(path: str, **params: Any) -> int:
        statements.clear()
        await scene.get(head, path, **params)
        return len(statements)

    asked = {"area_id": str(scene.county.root.id), **span()}
    await made.begin(2)
    few = [await cost("/stats", **asked), await cost("/facets", **asked)]
    for number in range(2, 60):
        made._file(number)
    await made._write(life.report for life in made.all)
    many = [await cost("/stats", **asked), await cost("/facets", **asked)]
    assert many == few
