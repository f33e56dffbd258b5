"""A page costs as many statements with ten rows as with one: what belongs to a row is read for all rows at once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app import clock
from app.areas.geo import Crs
from app.auth.roles import Role, ScopeType
from app.collusion.models import CollusionCase, CollusionReason, ReasonCode
from app.db.base import new_id
from app.enterprises import service as enterprises_service
from app.enterprises.models import EnterpriseKind
from app.members import service as members_service
from app.members.models import Employment
from app.members.schemas import EmployerIn
from app.moderation import service as moderation_service
from app.points.models_freezes import PointsFreeze
from app.redemptions.models import RedemptionText, Settlement, SettlementCorrection
from app.registrations.models import Direction, Registration, Status
from app.reports import service as reports_service
from app.reports import texts
from app.reports.models import Report
from app.reports.service import indexing
from app.security import sealing
from app.stores.models import StoreCategory
from app.stores.models_applications import Status as ApplicationStatus
from app.stores.models_applications import StoreApplication, StoreText
from app.uploads import queries as uploads_queries
from app.uploads import service as uploads_service
from app.uploads.models import Checked, Upload
from tests.reports.scene import Scene
from tests.statements.conftest import make_enterprise, months_ago
from tests.support.branches import make_branch
from tests.support.county import County
from tests.support.people import People, Person

API = "/api/v1"
ROWS = 10
MONTH = clock.today().strftime("%Y-%m")


@pytest.fixture
async def admin(people: People, county: County) -> Person:
    return await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])


async def riders(people: People, county: County, count: int) -> list[Person]:
    """People with a name, a phone and a work area, who let their employer know."""
    made = [await people.member(consents=("service", "location", "employer_statement")) for _ in range(count)]
    for rider in made:
        await members_service.set_profile(people.session, member_id=rider.id, real_name="王小明", area=county.community)
    return made


async def cost(client: httpx.AsyncClient, who: Person, path: str, statements: list[str]) -> tuple[int, dict[str, Any]]:
    statements.clear()
    answer = await client.get(f"{API}{path}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return len(statements), answer.json()


async def test_registrations(client, people, county, admin: Person, statements: list[str]) -> None:
    for number, rider in enumerate(await riders(people, county, ROWS)):
        people.session.add(
            Registration(
                number=f"S20261122-{number:06d}", member_id=rider.id, direction=Direction.MEMBER_SEEKS_ORG, status=Status.ACTIVE,
                area_id=county.community.id, area_path=county.community.path,
            )
        )
    await people.session.flush()
    one, page = await cost(client, admin, "/registrations?limit=1", statements)
    all_of_them, whole = await cost(client, admin, f"/registrations?limit={ROWS}", statements)
    assert (len(page["items"]), len(whole["items"])) == (1, ROWS)
    assert all_of_them == one, f"{one} statements for one row, {all_of_them} for {ROWS}"


async def test_applications_of_stores(client, people, county, admin: Person, statements: list[str]) -> None:
    """Returned with a reason, each by somebody else, with photos."""
    session, (lng, lat), now = people.session, county.spot, clock.now()
    for number, rider in enumerate(await riders(people, county, ROWS)):
        text = StoreText(author_id=admin.id, member_id=rider.id, text=f"请补充 {number}")
        session.add(text)
        await session.flush()
        row = StoreApplication(
            number=f"A20261129-{number:06d}", applicant_id=rider.id, area_id=county.community.id, area_path=county.community.path,
            category=StoreCategory.OTHER, name="便利店", address="文化路 1 号", uscc="92370812MA3C4D5E66", lng=lng, lat=lat,
            given_lng=lng, given_lat=lat, given_crs=Crs.GCJ02, hours="08:00-22:00", status=ApplicationStatus.RETURNED,
            decided_by=admin.id, decided_at=now, reason_id=text.id,
        )
        row.phone_sealed = sealing.seal(session, "0537-3412345", table="store_application", column="phone", row=row.id)
        photo = Upload(
            member_id=rider.id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=100, height=100,
            size_bytes=1000, owner_id=row.id, kind="store_application", position=0, attached_at=now,
        )
        session.add_all([row, photo])
    await session.flush()
    one, page = await cost(client, admin, "/stores/applications?limit=1", statements)
    all_of_them, whole = await cost(client, admin, f"/stores/applications?limit={ROWS}", statements)
    assert (len(page["items"]), len(whole["items"])) == (1, ROWS) and all(len(row["photos"]) == 1 for row in whole["items"])
    assert all_of_them == one, f"{one} statements for one row, {all_of_them} for {ROWS}"


async def test_an_employers_statement(client, people, county, admin: Person, statements: list[str]) -> None:
    session = people.session
    fields = {"name": "顺风速递", "uscc": "91370882MA3C00000X", "kind": EnterpriseKind.DEPOT, "headcount": None, "uscc_confirmed": True}
    firm = await enterprises_service.create(session, principal=admin.principal, area_id=county.community.id, fields=fields)
    first, *others = await riders(people, county, ROWS)
    await members_service.set_employers(session, member_id=first.id, employers=[EmployerIn(enterprise_id=firm.id)])
    one, page = await cost(client, admin, f"/enterprises/{firm.id}/statements/{MONTH}", statements)
    for rider in others:
        await members_service.set_employers(session, member_id=rider.id, employers=[EmployerIn(enterprise_id=firm.id)])
    all_of_them, whole = await cost(client, admin, f"/enterprises/{firm.id}/statements/{MONTH}", statements)
    assert (len(page["lines"]), len(whole["lines"])) == (1, ROWS)
    assert all_of_them == one, f"{one} statements for one line, {all_of_them} for {ROWS}"


async def test_the_list_of_an_employers_months(client, people, county, admin: Person, statements: list[str]) -> None:
    """And each of them costs the same with one line as with ten, once it is frozen."""
    session = people.session
    firm = await make_enterprise(session, county, name="顺风速递", uscc="91370882MA3C00000X", made=months_ago(ROWS + 2))
    first, *others = await riders(people, county, ROWS)
    session.add(Employment(member_id=first.id, enterprise_id=firm.id, since=months_ago(3)))
    session.add_all(Employment(member_id=rider.id, enterprise_id=firm.id, since=months_ago(2)) for rider in others)
    await session.flush()
    path = f"/enterprises/{firm.id}/statements"
    await cost(client, admin, f"{path}/{months_ago(2):%Y-%m}", statements)
    one, page = await cost(client, admin, f"{path}?limit=1", statements)
    all_of_them, whole = await cost(client, admin, f"{path}?limit={ROWS}", statements)
    assert (len(page["items"]), len(whole["items"])) == (1, ROWS)
    assert all_of_them == one, f"{one} statements for one month, {all_of_them} for {ROWS}"
    one, page = await cost(client, admin, f"{path}/{months_ago(3):%Y-%m}", statements)
    all_of_them, whole = await cost(client, admin, f"{path}/{months_ago(2):%Y-%m}", statements)
    assert (len(page["lines"]), len(whole["lines"])) == (1, ROWS)
    assert all_of_them == one, f"{one} statements for one line, {all_of_them} for {ROWS}"


async def test_areas_where_redemption_stands_still(client, session, county, admin: Person, statements: list[str]) -> None:
    session.add_all(PointsFreeze(area_path=county.community.path, invariant=f"I{number}", count=1) for number in range(ROWS))
    await session.flush()
    one, page = await cost(client, admin, "/points/freezes?limit=1", statements)
    all_of_them, whole = await cost(client, admin, f"/points/freezes?limit={ROWS}", statements)
    assert (len(page["items"]), len(whole["items"])) == (1, ROWS)
    assert all_of_them == one, f"{one} statements for one row, {all_of_them} for {ROWS}"


async def test_an_inbox_and_the_units_behind_it(client, session, county, people, admin: Person, statements: list[str]) -> None:
    """Reports that all have a unit, an assignee and a colleague at work on them."""
    scene = Scene(
        client, session, county, people, reporter=await people.member(),
        reviewer=await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.community.id)]),
        worker=await people.member(grants=[(Role.GRID_WORKER, ScopeType.AREA, county.grid.id)]),
    )
    for number in range(ROWS):
        body = {"name": f"单位{number}", "kind": "company", "area_id": str(county.root.id)}
        unit = (await client.post(f"{API}/units", json=body, headers=admin.headers)).json()
        rule = {"area_id": str(county.root.id), "unit_id": unit["id"], "priority": number}
        assert (await client.post(f"{API}/routing-rules", json=rule, headers=admin.headers)).status_code == 201
        report_id = await scene.at("dispatched")
        await client.put(f"{API}/reports/{report_id}/claim", headers=scene.reviewer.headers)
    for path in ("/reports/inbox?", "/reports/inbox?order=due&", "/reports/inbox?claimed=me&", "/units?", "/routing-rules?"):
        one, page = await cost(client, scene.reviewer, f"{path}limit=1", statements)
        all_of_them, whole = await cost(client, scene.reviewer, f"{path}limit={ROWS}", statements)
        assert (len(page["items"]), len(whole["items"])) == (1, ROWS), path
        assert all_of_them == one, f"{path} {one} statements for one row, {all_of_them} for {ROWS}"


async def test_own_reports_and_those_that_one_joined(client, session, county, people, statements: list[str]) -> None:
    """Joined ones whose category guards their places, and own ones among them."""
    reporter, reviewer, worker, rider = [await people.member() for _ in range(4)]
    scene = Scene(client, session, county, people, reporter=reporter, reviewer=reviewer, worker=worker)
    for number in range(ROWS):
        made = await scene.file(rider if number == 1 else None, category_code="battery_charging")
        if number != 1:
            await scene.give(rider, made["id"], "join")
    one, page = await cost(client, rider, "/reports/mine?limit=1", statements)
    all_of_them, whole = await cost(client, rider, f"/reports/mine?limit={ROWS}", statements)
    assert (len(page["items"]), len(whole["items"])) == (1, ROWS)
    assert all_of_them == one, f"{one} statements for one row, {all_of_them} for {ROWS}"


MANY = 100


async def test_every_list_of_reports(client, session, county, people, statements: list[str]) -> None:
    """The same statements for 1, 10 and 100; and pages of seven are the list, where all of it is due at the same instant too."""
    scene = Scene(
        client, session, county, people, reporter=await people.member(), worker=await people.member(),
        reviewer=await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.community.id)]),
    )
    first = (await scene.file())["id"]
    await alike(scene, first, 1)
    beside = {1: await cost(client, scene.reviewer, f"/reports/{first}/duplicates", statements)}
    await alike(scene, first, MANY - 2)
    beside[MANY] = await cost(client, scene.reviewer, f"/reports/{first}/duplicates", statements)
    assert len(beside[1][1]) == 1 and len(beside[MANY][1]) > ROWS and beside[1][0] == beside[MANY][0]
    near = f"/reports/nearby?lng={county.spot[0]}&lat={county.spot[1]}&crs=gcj02&"
    for who, path in (
        (scene.reporter, "/reports/mine?"), (scene.reviewer, "/reports/inbox?"), (scene.reviewer, "/reports/inbox?overdue=true&"),
        (scene.reviewer, "/reports/inbox?overdue=true&order=due&"), (scene.reviewer, "/reports/search?q=路面有坑&"),
        (scene.reviewer, "/reports/search?q=路面有坑&status=submitted&category_code=road_hole&"), (scene.worker, near),
    ):
        costs = {rows: await cost(client, who, f"{path}limit={rows}", statements) for rows in (1, ROWS, MANY)}
        assert [len(page["items"]) for _, page in costs.values()] == [1, ROWS, MANY], path
        assert len({statements for statements, _ in costs.values()}) == 1, f"{path} {[count for count, _ in costs.values()]}"
        whole = [one["id"] for one in costs[MANY][1]["items"]]
        assert len(set(whole)) == MANY and whole[:ROWS] == [one["id"] for one in costs[ROWS][1]["items"]], path
        if path != near:
            assert await walked(client, who, path) == whole, path


async def alike(scene: Scene, report_id: str, count: int) -> None:
    """So many more reports of the same place and words, all of them late since the same instant, each with a photo."""
    first = await scene.session.get(Report, UUID(report_id))
    assert first is not None
    first.due_at = first.created_at - timedelta(days=1)
    kept = first.model_dump(exclude={"id", "number", "description_sealed"})
    reports = [Report(**kept, number=new_id().hex[-20:]) for _ in range(count)]
    for report in reports:
        texts.seal_description(scene.session, report, "路面有坑")
    scene.session.add_all(reports)
    await scene.session.flush()
    await indexing.index(scene.session, reports)
    photos = [
        Upload(
            member_id=first.member_id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=100, height=100,
            size_bytes=1000, owner_id=report.id, kind="report_before", position=0, attached_at=first.created_at,
        )
        for report in reports
    ]
    scene.session.add_all(photos)
    await scene.session.flush()


async def walked(client: httpx.AsyncClient, who: Person, path: str) -> list[str]:
    """The ids of a list, page by page."""
    found, cursor = [], ""
    while cursor is not None:
        page = (await client.get(f"{API}{path}limit=7{cursor and f'&cursor={cursor}'}", headers=who.headers)).json()
        found, cursor = found + [one["id"] for one in page["items"]], page["next_cursor"]
    return found


async def test_stores_and_their_contracts(client, people, county, admin: Person, statements: list[str]) -> None:
    """Each store with a photo, special days and a contract, next to the rider and in the list."""
    day = clock.today()
    place = {"area_id": str(county.community.id), "location": county.place(), "address": "文化路 1 号", "phone": "0537-3412345"}
    for number in range(ROWS):
        special = [{"from": str(day + timedelta(days=later)), "to": str(day + timedelta(days=later)), "closed": True} for later in range(9)]
        told = place | {"name": f"店{number}", "hours": "00:00-24:00", "category": "repair", "special_days": special[number:]}
        made = await client.post(f"{API}/stores", headers=admin.headers, json=told)
        store_id = made.json()["id"]
        people.session.add(
            Upload(
                member_id=admin.id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=100, height=100,
                size_bytes=1000, owner_id=UUID(store_id), kind="store", position=0, attached_at=clock.now(), checked=Checked.PASS,
            )
        )
        terms = {
            "number": f"XX-{number}", "signed_on": str(day), "starts_on": str(day), "ends_on": str(day + timedelta(days=9)), "note": "试点",
            "payee_name": "店", "bank_name": "农业银行", "bank_account": "6228480402564890018",
        }
        signed = await client.post(f"{API}/stores/{store_id}/contracts", headers=admin.headers, json=terms)
        assert signed.status_code == 201, signed.text
    for later in range(1, ROWS):
        span = {"starts_on": str(day + timedelta(days=10 * later)), "ends_on": str(day + timedelta(days=10 * later + 9))}
        body = terms | span | {"number": f"XX-later-{later}"}
        assert (await client.post(f"{API}/stores/{store_id}/contracts", headers=admin.headers, json=body)).status_code == 201
    near = f"/stores/nearby?lng={county.spot[0]}&lat={county.spot[1]}&"
    for path in ("/stores?category=repair&", near, f"{near}open_now=true&radius_m=50000&", f"/stores/{store_id}/contracts?"):
        one, page = await cost(client, admin, f"{path}limit=1", statements)
        all_of_them, whole = await cost(client, admin, f"{path}limit={ROWS}", statements)
        shown = 0 < len(whole["items"]) <= ROWS if "open_now" in path else len(whole["items"]) == ROWS
        assert len(page["items"]) == 1 and shown, path
        assert all_of_them == one, f"{path} {one} statements for one row, {all_of_them} for {ROWS}"


async def test_cases_of_the_collusion_lens(client, session, county, people, admin: Person, statements: list[str]) -> None:
    """Each about other persons, with reasons; one answered by its administrator."""
    place = {"area_id": str(county.community.id), "location": county.place(), "address": "文化路 1 号", "phone": "0537-3412345"}
    shop = (await client.post(f"{API}/stores", headers=admin.headers, json=place | {"name": "店", "hours": "00:00-24:00"})).json()["id"]
    clerk, day = await people.member(), clock.today()
    for rider in await riders(people, county, ROWS):
        case = CollusionCase(store_id=UUID(shop), clerk_id=clerk.id, member_id=rider.id, reviewer_id=(await people.member()).id)
        session.add(case)
        await session.flush()
        figures = {"observed": 1, "expected": 0, "support": 9, "window_from": day, "window_to": day}
        session.add_all(CollusionReason(case_id=case.id, code=code, **figures) for code in (ReasonCode.QUICK, ReasonCode.PAIR_SHARE))
    await session.flush()
    answered = await client.post(f"{API}/collusion/cases/{case.id}/note", headers=admin.headers, json={"note": "另行核实"})
    assert answered.status_code == 200, answered.text
    one, page = await cost(client, admin, "/collusion/cases?limit=1", statements)
    all_of_them, whole = await cost(client, admin, f"/collusion/cases?limit={ROWS}", statements)
    assert (len(page["items"]), len(whole["items"])) == (1, ROWS) and all(len(row["reasons"]) == 2 for row in whole["items"])
    assert all_of_them == one, f"{one} statements for one row, {all_of_them} for {ROWS}"


async def test_what_the_content_check_left_to_people(client, session, county, people, statements: list[str]) -> None:
    """Photos and texts of reports, one of them decided."""
    reviewer = await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.community.id)])
    scene = Scene(client, session, county, people, reporter=await people.member(), reviewer=reviewer, worker=reviewer)
    for _ in range(ROWS // 2):
        made = await scene.file(await people.member())
        report = await session.get(Report, UUID(made["id"]), populate_existing=True)
        assert report is not None
        await reports_service.judge_text(session, report_id=report.id, verdict="review", of=report.description_sealed)
        await moderation_service.look_at_text(session, report_id=report.id)
        (photo,) = (await uploads_queries.photos(session, [report.id]))[report.id]
        await uploads_service.leave_to_people(session, upload_id=photo.id)
        await moderation_service.look_at_photo(session, upload_id=photo.id)
    (first,) = (await cost(client, reviewer, "/moderation/items?limit=1", statements))[1]["items"]
    path = f"{API}/moderation/items/{first['id']}/block"
    assert (await client.post(path, headers=reviewer.headers, json={"note": "不宜"})).status_code == 200
    for kind in ("text", "photo"):
        one, page = await cost(client, reviewer, f"/moderation/items?kind={kind}&limit=1", statements)
        all_of_them, whole = await cost(client, reviewer, f"/moderation/items?kind={kind}&limit={ROWS}", statements)
        assert (len(page["items"]), len(whole["items"])) == (1, ROWS // 2) and all(row[kind] for row in whole["items"])
        assert all_of_them == one, f"{one} statements for one row, {all_of_them} for {ROWS // 2}"


async def test_months_of_stores(client, session, county, people, admin: Person, statements: list[str]) -> None:
    """A store's own months, and those of an area's stores: closed ones, and open ones with corrections."""
    place = {"area_id": str(county.community.id), "location": county.place(), "address": "文化路 1 号", "phone": "0537-3412345"}
    shops = [
        UUID((await client.post(f"{API}/stores", headers=admin.headers, json=place | {"name": "店", "hours": "00:00-24:00"})).json()["id"])
        for _ in range(ROWS + 1)
    ]
    closed = {"closed_at": clock.now(), "confirm_by": clock.today(), "store_name": "店", "lines": 0, "total_cents": 0, "digest": "0" * 64}
    session.add_all(Settlement(store_id=shops[0], month=months_ago(number), **closed) for number in range(1, ROWS + 1))
    session.add_all(Settlement(store_id=shop, month=months_ago(1), **closed) for shop in shops[2 : ROWS // 2])
    text, second = RedemptionText(author_id=admin.id, text="补差"), await people.member()
    session.add(text)
    await session.flush()
    session.add_all(
        SettlementCorrection(
            store_id=shop, month=months_ago(1), cents=5, reason_id=text.id, proposed_by=admin.id, status="approved",
            decided_by=second.id, decided_at=clock.now(),
        )
        for shop in shops[ROWS // 2 :]
    )
    await session.flush()
    for path, rows in (
        (f"/stores/{shops[0]}/settlements?", ROWS),
        (f"/budgets/settlements?area_id={county.root.id}&month={months_ago(1):%Y-%m}&", ROWS),
    ):
        one, page = await cost(client, admin, f"{path}limit=1", statements)
        all_of_them, whole = await cost(client, admin, f"{path}limit={ROWS}", statements)
        assert (len(page["items"]), len(whole["items"])) == (1, rows), path
        assert all_of_them == one, f"{path} {one} statements for one row, {all_of_them} for {ROWS}"


async def test_announcements_and_groups(client, session, county, people, admin: Person, statements: list[str]) -> None:
    """Each to an organisation, with a photo; what a member reads, and what staff look after."""
    branch = await make_branch(session, people, county.community, "东风社区快递党支部")
    member = (await riders(people, county, 1))[0]
    session.add(
        Registration(
            number="S1", member_id=member.id, direction=Direction.ORG_SEEKS_MEMBER, status=Status.APPROVED, organisation_id=branch.id,
            area_id=county.community.id, area_path=county.community.path, management="direct",
            contact_account_id=branch.instructor.id, next_contact_on=clock.today(),
        )
    )
    made = []
    for number in range(ROWS):
        aim = {"area_id": str(county.community.id), "organisation_ids": [str(branch.id)] if number else []}
        told = await client.post(
            f"{API}/announcements", json=aim | {"kind": "notice", "title": f"通知{number}", "body": "内容"}, headers=admin.headers
        )
        made.append(told.json()["id"])
        await client.post(f"{API}/announcements/{made[-1]}/publish", json={}, headers=admin.headers)
        group = {"area_id": str(county.community.id), "name": f"群{number}", "how_to_join": "扫码", "people": number}
        made.append((await client.post(f"{API}/groups", json=group, headers=admin.headers)).json()["id"])
    session.add_all(
        Upload(
            member_id=admin.id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=100, height=100,
            size_bytes=1000, owner_id=UUID(one), kind="announcement", position=0, attached_at=clock.now(), checked=Checked.PASS,
        )
        for one in made
    )
    await session.flush()
    for who, path in ((member, "/announcements?"), (admin, "/announcements/managed?"), (member, "/groups?"), (admin, "/groups/managed?")):
        one, page = await cost(client, who, f"{path}limit=1", statements)
        all_of_them, whole = await cost(client, who, f"{path}limit={ROWS}", statements)
        assert (len(page["items"]), len(whole["items"])) == (1, ROWS), path
        assert all_of_them == one, f"{path} {one} statements for one row, {all_of_them} for {ROWS}"
