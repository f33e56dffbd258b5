"""Who sees what of a report: every role and field over every answer, as the table of reliability.md 4.3 says."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from app.auth.roles import Role, ScopeType
from app.members import service as members_service
from app.reports import eyes
from app.reports.eyes import Eyes, When
from tests.reports.scene import Scene, on
from tests.support.people import Person

EXACT, ROUNDED = {"lng": 116.7212345, "lat": 35.5212345}, {"lng": 116.721, "lat": 35.521}
GIVEN = {"description": "雀栏路口描述癸卯", "address": "雀舌巷七十七号", "location": EXACT | {"crs": "gcj02", "accuracy_m": 7}}
WORDS = {
    "name": "禤金丝雀", "family": '"禤*"', "phone": "13977553377", "masked": "139****3377", "exact": "116.7212345",
    "address": "雀舌巷七十七号", "text": "雀栏路口描述癸卯",
}
OFFICIAL = {"exact", "address", "text", "photo"}
OPEN: dict[str, set[str]] = {
    "reporter": {*OFFICIAL, "points"}, "joined": {*OFFICIAL, "points"}, "reviewer": OFFICIAL, "reviewer above": OFFICIAL,
    "grid_worker": {*OFFICIAL, "family", "masked"}, "other grid_worker": {*OFFICIAL, "family", "masked"},
    "area_admin": {*OFFICIAL, "name", "masked"}, "reviewer and grid_worker": {*OFFICIAL, "family", "masked"},
    "auditor": set(), "platform_admin": set(), "store_owner": set(), "store_clerk": set(), "enterprise_contact": set(),
    "org_secretary": set(), "instructor": set(), "reviewer elsewhere": set(), "grid_worker elsewhere": set(), "area_admin elsewhere": set(),
    "stranger": set(),
}
CLOSED = OPEN | {name: {"text", "photo", "family", "masked"} for name in ("grid_worker", "other grid_worker")}
LISTS = ("/inbox", "/inbox?status=dispatched&status=closed", "/mine", "/overdue")


@pytest.fixture
async def case(scene: Scene) -> tuple[str, dict[str, Person]]:
    """A report in work with a reporter whose every word is a canary, and everybody who might look at it."""
    scene.reporter = await scene.people.member(phone=WORDS["phone"])
    await members_service.set_profile(scene.session, member_id=scene.reporter.id, real_name=WORDS["name"])
    county, area = scene.county, ScopeType.AREA
    wishes = {
        "reviewer above": [on(Role.REVIEWER, county.street.id)], "other grid_worker": [on(Role.GRID_WORKER, county.grid.id)],
        "area_admin": [on(Role.AREA_ADMIN, county.street.id)],
        "reviewer and grid_worker": [on(Role.REVIEWER, county.community.id), on(Role.GRID_WORKER, county.grid.id)],
        "auditor": [(Role.AUDITOR, area, county.root.id)], "platform_admin": [(Role.PLATFORM_ADMIN, ScopeType.PLATFORM, None)],
        "store_owner": [(Role.STORE_OWNER, ScopeType.STORE, uuid4())], "store_clerk": [(Role.STORE_CLERK, ScopeType.STORE, uuid4())],
        "enterprise_contact": [(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, uuid4())],
        "org_secretary": [(Role.ORG_SECRETARY, ScopeType.ORGANISATION, uuid4())],
        "instructor": [(Role.INSTRUCTOR, ScopeType.ENTERPRISE, uuid4())],
        "reviewer elsewhere": [on(Role.REVIEWER, county.other_community.id)],
        "grid_worker elsewhere": [on(Role.GRID_WORKER, county.other_grid.id)],
        "area_admin elsewhere": [on(Role.AREA_ADMIN, county.other_community.id)], "stranger": [], "joined": [],
    }
    eyes_of = {name: await scene.people.member(grants=grants) for name, grants in wishes.items()}
    report_id = (await scene.file(**GIVEN))["id"]
    await scene.give(eyes_of["joined"], report_id, "join")
    await scene.lead(report_id, "dispatched")
    return report_id, eyes_of | {"reporter": scene.reporter, "reviewer": scene.reviewer, "grid_worker": scene.worker}


async def told(scene: Scene, who: Person, path: str) -> str:
    """The text of an answer; nothing for a refusal, which must be one of the two that tell nothing."""
    answer = await scene.client.get(f"/api/v1/reports{path}", headers=who.headers)
    assert answer.status_code in (200, 403, 404), (path, answer.text)
    return answer.text if answer.status_code == 200 else ""


async def fields(scene: Scene, who: Person, report_id: str) -> set[str]:
    """The fields that a person sees in the report, its timeline, or any list."""
    detail = await told(scene, who, f"/{report_id}")
    paths = (*LISTS, f"/{report_id}/timeline", f"/{report_id}/clock")
    text = detail + "".join([await told(scene, who, path) for path in paths])
    seen = {field for field, word in WORDS.items() if word in text}
    shown: dict[str, Any] = json.loads(detail) if detail else {}
    return seen | {field for field, value in (("photo", shown.get("photos")), ("points", shown.get("points_awarded"))) if value is not None}


async def table(scene: Scene, case: tuple[str, Mapping[str, Person]]) -> dict[str, set[str]]:
    report_id, people = case
    return {name: await fields(scene, who, report_id) for name, who in people.items()}


async def test_every_role_sees_just_its_fields(scene: Scene, case: tuple[str, dict[str, Person]]) -> None:
    assert await table(scene, case) == OPEN
    await scene.lead(case[0], "closed", since="dispatched")
    assert await table(scene, case) == CLOSED


async def test_a_table_that_shows_too_much_is_caught(
    scene: Scene, case: tuple[str, dict[str, Person]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known bad: reviewers see what administrators see, and a grid worker's place outlives the case."""
    bad = {Role.REVIEWER: eyes.TABLE[Role.AREA_ADMIN], Role.GRID_WORKER: eyes.TABLE[Role.GRID_WORKER] | Eyes(place=When.ALWAYS)}
    monkeypatch.setattr(eyes, "TABLE", {**eyes.TABLE, **bad})
    monkeypatch.setattr(eyes, "_of", eyes._of.__wrapped__)
    got = await table(scene, case)
    assert {name for name in OPEN if got[name] != OPEN[name]} == {"reviewer", "reviewer above", "reviewer and grid_worker"}
    await scene.lead(case[0], "closed", since="dispatched")
    got = await table(scene, case)
    assert {"grid_worker", "other grid_worker"} <= {name for name in CLOSED if got[name] != CLOSED[name]}


async def test_whom_it_is_about_and_strangers_find_nothing(scene: Scene, case: tuple[str, dict[str, Person]]) -> None:
    """Nothing of the person or the words, in no answer: nearby and the map show that there is something, not who says so."""
    report_id, people = case
    lng, lat = EXACT.values()
    public = (f"/nearby?lng={lng}&lat={lat}&crs=gcj02", "/map?bbox=116.70,35.50,116.80,35.55&zoom=16")
    for name in (name for name, seen in OPEN.items() if not seen):
        for path in (f"/{report_id}", f"/{report_id}/timeline", f"/{report_id}/proof", f"/{report_id}/clock"):
            answer = await scene.client.get(f"/api/v1/reports{path}", headers=people[name].headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (name, path)
        text = "".join([await told(scene, people[name], path) for path in (*public, *LISTS)])
        found = {field for field, word in WORDS.items() if field != "exact" and word in text}
        assert not found and str(scene.reporter.id) not in text, (name, found)
        number = (await scene.get(scene.reporter, f"/{report_id}"))["number"]
        assert number not in text, name


async def test_no_answer_tells_the_account_of_a_reporter(scene: Scene, case: tuple[str, dict[str, Person]]) -> None:
    report_id, people = case
    for name, who in people.items():
        text = "".join([await told(scene, who, path) for path in (f"/{report_id}", f"/{report_id}/timeline", *LISTS)])
        for other in ("reporter", "joined"):
            assert name == other or str(people[other].id) not in text, (name, other)


async def test_what_an_official_reads_of_the_reporter(scene: Scene, case: tuple[str, dict[str, Person]]) -> None:
    report_id, people = case
    shown = {name: (await scene.get(people[name], f"/{report_id}"))["reporter"] for name in ("reviewer", "grid_worker", "area_admin")}
    alias = shown["reviewer"]["alias"]
    assert alias.startswith("小哥")
    assert shown == {
        "reviewer": {"alias": alias, "name": None, "phone": None, "may_reveal": False},
        "grid_worker": {"alias": alias, "name": "禤*", "phone": WORDS["masked"], "may_reveal": True},
        "area_admin": {"alias": alias, "name": WORDS["name"], "phone": WORDS["masked"], "may_reveal": True},
    }
    assert not (await scene.get(people["other grid_worker"], f"/{report_id}"))["reporter"]["may_reveal"], "not the own case"
    for name in ("reporter", "joined"):
        assert (await scene.get(people[name], f"/{report_id}"))["reporter"] is None


async def test_an_official_who_joined_is_none(scene: Scene) -> None:
    both = await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.root.id)])
    await members_service.set_profile(scene.session, member_id=scene.reporter.id, real_name=WORDS["name"])
    report_id = (await scene.file(**GIVEN))["id"]
    assert (await scene.get(both, f"/{report_id}"))["reporter"]["name"] == WORDS["name"]
    await scene.give(both, report_id, "join")
    assert (await scene.get(both, f"/{report_id}"))["reporter"] is None


async def test_a_guarded_place_is_coarse_for_whoever_joins_or_passes_by(scene: Scene) -> None:
    """Also where it is looked for: one hears of it round its shown place, at its distance to that."""
    joined, stranger = await scene.people.member(), await scene.people.member()
    report_id = (await scene.file(category_code="battery_charging", **GIVEN))["id"]
    for who, exact in ((scene.reporter, True), (scene.reviewer, True), (joined, False)):
        if who is joined:
            await scene.give(joined, report_id, "join")
        shown = await scene.get(who, f"/{report_id}")
        place = {name: shown["location"][name] for name in ("lng", "lat")}
        assert (place, shown["address"]) == ((EXACT, GIVEN["address"]) if exact else (ROUNDED, None))
    assert (await scene.get(joined, "/mine"))["items"][0]["address"] is None

    async def nearby(place: dict[str, float], radius_m: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await scene.get(stranger, "/nearby", **place, crs="gcj02", radius_m=radius_m))["items"]
        return found

    (seen,) = await nearby(ROUNDED, 1)
    assert ({name: seen["location"][name] for name in ROUNDED}, seen["distance_m"]) == (ROUNDED, 0)
    assert await nearby(EXACT, 20) == [], "34 m from where it is shown"
    plain = (await scene.file(**GIVEN))["id"]
    assert [one["id"] for one in await nearby(EXACT, 20)] == [plain]


async def test_the_map_knows_a_guarded_place_as_it_is_shown(scene: Scene) -> None:
    report_id = (await scene.file(category_code="battery_charging", **GIVEN))["id"]
    await scene.give(scene.reviewer, report_id, "accept", {})
    stranger = await scene.people.member()

    async def count(place: dict[str, float]) -> int:
        lng, lat = place["lng"], place["lat"]
        box = f"{lng - 0.0001},{lat - 0.0001},{lng + 0.0001},{lat + 0.0001}"
        shown = await scene.get(stranger, "/map", bbox=box, zoom=22)
        return sum(feature["properties"]["count"] for feature in shown["features"])

    assert (await count(ROUNDED), await count(EXACT)) == (1, 0)
