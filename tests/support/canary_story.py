"""A rider whose every word is a canary, living through all features over HTTP, with real commits in a database of their own."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa

from app import clock, ports
from app.auth import queries as auth_queries
from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.db import migrate
from app.db import session as db_session
from app.enterprises.models import Enterprise, EnterpriseKind
from app.main import create_app
from app.messages import service as messages_service
from app.parts import session_info
from app.points.models_months import PointsLevel, PointsReminder
from app.publicity import queries as publicity_queries
from app.publicity.models import PublicityLine
from app.publicity.workflow import Quarter
from app.settings import Settings
from app.signals.models import RiskRank
from app.storage.store import open_store
from app.wechat import crypto
from app.wechat.client import WeChatClient
from app.wechat.store import DatabaseTokenStore
from tests.support.branches import make_branch
from tests.support.canaries import Canary, last_quarter
from tests.support.canary_collusion import examined
from tests.support.canary_person import ABOUT, FIRST_PHONE, GIVEN, PHONE, Story
from tests.support.canary_points import decided
from tests.support.canary_reports import moderated, proves, reports
from tests.support.county import make_county
from tests.support.newcomer import Caller
from tests.support.people import People, Person
from tests.support.simulator import RunningSimulator

SHOP_USCC = "92370812MA3C4D5E66"


@asynccontextmanager
async def told(settings: Settings, simulator: RunningSimulator) -> AsyncIterator[Story]:
    """The story up to the day before the erasure. `settings` name an empty database and a data folder."""
    migrated = db_session.connect(str(settings.database_url), info={}, pool_size=1, statement_timeout_ms=60_000, role=None)
    async with migrated.engine.begin() as connection:
        await connection.run_sync(migrate.upgrade_over)
    await migrated.close()
    ports.connect()
    application = create_app(settings)
    database = db_session.connect(str(settings.database_url), info=session_info(settings), pool_size=3)
    store = open_store(settings.object_store_url)
    tokens = DatabaseTokenStore(database)
    wechat = WeChatClient(simulator.url, settings.wechat_appid, settings.wechat_secret, token_store=tokens)
    application.state.database, application.state.wechat, application.state.store = database, wechat, store
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://test") as http:
            story = Story(settings, database, wechat, store, http, simulator)
            await _tell(story)
            yield story
    finally:
        await wechat.aclose()
        await store.aclose()
        await database.close()


async def _tell(story: Story) -> None:
    await _staff(story)
    await _rider(story)
    for chapter in (
        _on_lists, _registers, _works_for, _reports_in, reports, moderated, proves, _earns, decided, _orders, _works_as_clerk, examined,
        _opens_a_shop, _works_in_a_unit, _visits, _speaks_up, _reads_a_notice, _is_listed, _pushed_about,
    ):
        await chapter(story)
    await story.work_off()
    await _known(story)


def caller(story: Story, person: Person) -> Caller:
    token = person.headers["Authorization"].partition(" ")[2]
    return Caller(story.http, person.username or str(person.id), person.phone or "", str(person.id), {"access_token": token})


async def _staff(story: Story) -> None:
    async with story.database.transaction() as session:
        people = People(session, story.settings)
        county = story.county = await make_county(session)
        story.branch = await make_branch(session, people, county.community, "东风社区快递党支部", phone="0537-3412345")
        other = await make_branch(session, people, county.community, "东风社区骑手党支部")
        wanted: tuple[tuple[str, Role, Any], ...] = (
            ("admin", Role.AREA_ADMIN, county.root), ("second admin", Role.AREA_ADMIN, county.root),
            ("reviewer", Role.REVIEWER, county.community), ("second reviewer", Role.REVIEWER, county.community),
            ("worker", Role.GRID_WORKER, county.grid),
        )
        for name, role, area in wanted:
            story.staff[name] = caller(story, await people.member(grants=[(role, ScopeType.AREA, area.id)], stepped_up=True))
        firm = Enterprise(
            name="顺风速递", uscc="91370882MA3C00000X", uscc_confirmed=True, kind=EnterpriseKind.DEPOT, area_id=county.community.id,
            area_path=county.community.path, tenant_id=county.root.id, created_at=clock.day_start(month_before_last()),
        )
        session.add(firm)
        await session.flush()
        await put_scope(session, scope_type=ScopeType.ENTERPRISE, scope_id=firm.id, area_path=firm.area_path, name=firm.name)
        story.staff |= {
            "secretary": caller(story, story.branch.secretary), "other secretary": caller(story, other.secretary),
            "instructor": caller(story, story.branch.instructor),
        }
        story.places = {"other branch": str(other.id), "enterprise": str(firm.id)}


async def _rider(story: Story) -> None:
    """Signs in, binds one number and then the real one, for which a grant waits and another was taken back before."""
    words = [Canary(name, value, sealed) for name, value, sealed in (*GIVEN, *ABOUT)]
    story.canaries = words
    admin = story.staff["admin"]
    for role in ("reviewer", "grid_worker"):
        body = {"phone": PHONE, "role": role, "scope_type": "area", "scope_id": str(story.county.other_community.id)}
        waiting = await admin.does("POST", "/auth/grants", body)
        if role == "grid_worker":
            assert (await admin.send("DELETE", f"/auth/grants/{waiting['id']}")).status_code == 204
    story.rider = rider = await story.sign_in("雀金丝", story.word("device"))
    for phone in (FIRST_PHONE, PHONE):
        await story.bind(rider, phone)
    await story.agree(rider, "service", "location", "party_identity", "publicity")
    headers = {"X-Request-ID": story.word("request id")}
    await rider.does("PATCH", "/members/me", {"nickname": story.word("nickname")}, headers=headers)
    story.other = await story.sign_in("对照组", "Other/1.0")
    await story.bind(story.other, "13700001111")
    await story.agree(story.other, "service", "location")


async def _registers(story: Story) -> None:
    """Returned and corrected, sent to another branch and back, taken in, contacted."""
    rider, secretary, second = story.rider, story.staff["secretary"], story.staff["other secretary"]
    party = {
        "home_branch": story.word("home branch"), "joined_on": story.word("joined on"), "relation": "elsewhere",
        "away_since": story.word("away since"),
    }
    body = {
        "scene": story.branch.scene, "real_name": story.word("real name"), "occupation": "courier", "political_status": "full_member",
        "work_area_id": str(story.county.grid.id), "employers": [{"name": story.word("employer"), "since": story.word("work since")}],
        "party": party,
    }
    number = (await rider.does("POST", "/registrations", body))["id"]
    path = f"/registrations/{number}"
    await secretary.does("POST", f"{path}/return", {"reason": story.word("return reason")})
    await rider.does("PATCH", path, {"party": party})
    sent = {"organisation_id": story.places["other branch"], "reason": story.word("transfer reason")}
    await secretary.does("POST", f"{path}/transfer", sent)
    await second.does("POST", f"{path}/transfer", sent | {"organisation_id": str(story.branch.id)})
    on = (clock.today() + timedelta(days=7)).isoformat()
    taken = {"management": "mobile", "contact_account_id": str(story.branch.instructor.id), "next_contact_on": on}
    await secretary.does("POST", f"{path}/approve", taken)
    await secretary.does("POST", f"{path}/contacts", {"note": story.word("contact note"), "next_contact_on": on})


def month_before_last() -> date:
    """Frozen at any hour: on the first of a month the last one may still be open."""
    day = clock.month_start(clock.today())
    for _ in range(2):
        day = clock.month_start(day - timedelta(days=1))
    return day


async def _works_for(story: Story) -> None:
    """An employer is told of the rider by name, in a month that is frozen."""
    path, month = f"/enterprises/{story.places['enterprise']}", month_before_last()
    await story.agree(story.rider, "employer_statement")
    told = {"enterprise_id": story.places["enterprise"], "since": month.isoformat()}
    await story.rider.does("POST", "/members/me/work-relations", told)
    shown = await story.staff["admin"].sees(f"{path}/statements/{month:%Y-%m}")
    assert [line["name"] for line in shown["lines"]] == [story.word("real name")]


async def _on_lists(story: Story) -> None:
    """Stands on the roster of the branch and of an enterprise before anybody has registered, and is spoken to."""
    head, row = "姓名,手机号,备注", f"{story.word('real name')},{PHONE},{story.word('roster note')}"
    sent = {"file": ("roster.csv", f"{head}\n{row}\n王对照,13700001111,别人\n".encode(), "text/csv")}
    for name, place in (("secretary", f"/organisations/{story.branch.id}"), ("admin", f"/enterprises/{story.places['enterprise']}")):
        headers = story.staff[name].headers | {"Idempotency-Key": uuid4().hex}
        answer = await story.http.post(f"/api/v1{place}/roster", files=sent, headers=headers)
        assert answer.status_code == 202, answer.text
    await story.work_off()
    path, secretary = f"/organisations/{story.branch.id}/roster/candidates", story.staff["secretary"]
    line = next(one for one in (await secretary.sees(path))["items"] if one["name"] == story.word("real name"))
    await secretary.does("POST", f"{path}/{line['id']}/follow-up", {"outcome": "will_register", "note": story.word("follow-up")})


async def _reports_in(story: Story) -> None:
    """To the community, which appoints the rider and takes that back."""
    path, reviewer = f"/areas/{story.county.community.id}/checkins", story.staff["reviewer"]
    made = await story.rider.does("POST", path, {"kind": "member", "note": story.word("check-in note"), "role": "mobile_grid_member"})
    confirmed = await reviewer.does("POST", f"{path}/{made['id']}/confirm", {"role": "mobile_grid_member"})
    appointment = confirmed["appointments"][0]["id"]
    await reviewer.does("POST", f"{path}/{made['id']}/appointments/{appointment}/revoke", {"reason": story.word("revocation")})


async def _visits(story: Story) -> None:
    """The rider looks after an enterprise as a liaison."""
    path = f"/enterprises/{story.places['enterprise']}"
    await story.staff["admin"].does("POST", f"{path}/assignments", {"account_id": story.rider.id, "role": "liaison"})
    visit = {"on": clock.today().isoformat(), "topics": ["setting_up"], "note": story.word("visit note")}
    await story.rider.does("POST", f"{path}/visits", visit)


async def _earns(story: Story) -> None:
    """Points by hand, and a proposal that nobody decides."""
    admin, second = story.staff["admin"], story.staff["second admin"]
    for name, who in (("adjustment reason", story.rider), ("pending reason", story.rider), (None, story.other)):
        reason = story.word(name) if name else "线下活动补记"
        body = {"member_id": who.id, "amount": 100, "reason": reason, "upload_id": await admin.photo()}
        proposal = await admin.does("POST", "/points/adjustments", body)
        if name != "pending reason":
            await second.does("POST", f"/points/adjustments/{proposal['id']}/approve")


async def _orders(story: Story) -> None:
    """One live order; one that a clerk verified and took back, so that it is live again."""
    admin, rider = story.staff["admin"], story.rider
    store = {
        "name": "文化路便利店", "area_id": str(story.county.community.id), "location": story.county.place(), "address": "文化路 1 号",
        "phone": "0537-3412345", "hours": "08:00-22:00",
    }
    shop = (await admin.does("POST", "/stores", store))["id"]
    reward = {"name": "矿泉水", "kind": "goods", "points": 10, "store_ids": [shop], "valid_days": 30, "settlement_cents": 150, "stock": 9}
    water = (await admin.does("POST", "/rewards", reward))["id"]
    clerk = story.staff["clerk"] = story.staff["worker"]
    await admin.does("POST", f"/stores/{shop}/staff", {"phone": clerk.phone, "role": "store_clerk"})
    await admin.does("POST", f"/stores/{shop}/staff", {"phone": PHONE, "role": "store_clerk"})
    order = await rider.orders(water)
    await rider.orders(water)
    await clerk.does("POST", "/redemptions/verify", {"store_id": shop, "code": order["code"]})
    await clerk.does("POST", f"/redemptions/{order['id']}/undo", {"reason": story.word("undo reason")})
    story.places |= {"shop": shop, "water": water}


async def _works_as_clerk(story: Story) -> None:
    """The rider helps in the shop: verifies somebody's order under a key and a request id of their own, and takes it back."""
    order = await story.other.orders(story.places["water"])
    till = {"store_id": story.places["shop"], "code": order["code"]}
    headers = {"X-Request-ID": story.word("request id")}
    await story.rider.does("POST", "/redemptions/verify", till, key=story.word("clerk's key"), headers=headers)
    await story.rider.does("POST", f"/redemptions/{order['id']}/undo", {"reason": story.word("clerk's undo reason")})


async def _opens_a_shop(story: Story) -> None:
    """The rider wants a shop of their own to become a partner, and is asked to mend the form."""
    body = {
        "name": story.word("shop name"), "area_id": str(story.county.community.id), "location": story.county.place(), "uscc": SHOP_USCC,
        "address": story.word("shop address"), "phone": PHONE, "hours": "08:00-22:00", "category": "convenience",
        "upload_ids": [await story.rider.photo()],
    }
    made = await story.rider.does("POST", "/stores/applications", body)
    reason = {"reason": story.word("application reason")}
    await story.staff["admin"].does("POST", f"/stores/applications/{made['id']}/return", reason)


async def _works_in_a_unit(story: Story) -> None:
    """The rider is a grid worker of the other community besides, in a unit of its."""
    admin, community = story.staff["admin"], str(story.county.other_community.id)
    await admin.does("POST", "/auth/grants", {"phone": PHONE, "role": "grid_worker", "scope_type": "area", "scope_id": community})
    unit = await admin.does("POST", "/units", {"name": "建设社区网格队", "kind": "grid_team", "area_id": community})
    await admin.does("POST", f"/units/{unit['id']}/members", {"account_id": story.rider.id})


async def _speaks_up(story: Story) -> None:
    """A complaint with its answer, an objection, a message, a reveal; and what the clock writes down."""
    rider, admin = story.rider, story.staff["admin"]
    sent = await rider.does("POST", "/complaints", {"kind": "complaint", "text": story.word("complaint")})
    await admin.does("POST", f"/complaints/{sent['id']}/answer", {"answer": story.word("complaint answer")})
    year, quarter = last_quarter()
    await rider.does("POST", f"/points/publicity/{year}-q{quarter}/objections", {"reason": story.word("objection")})
    asked = {"field": "phone", "purpose": "handle_case", "reason": story.word("reveal reason")}
    await admin.does("POST", f"/members/{rider.id}/reveal", asked)
    async with story.database.transaction() as session:
        await messages_service.send(session, member_id=story.rider_id, category="system", title="通知", body=story.word("message"))
        session.add(PointsLevel(member_id=story.rider_id, month=clock.month_start(clock.today()), level=2, earned=200))
        session.add(PointsReminder(member_id=story.rider_id, lapses_on=clock.today(), stage=7))
        session.add(RiskRank(member_id=story.rider_id, rank=2, asked_at=clock.now(), keep_until=clock.now() + timedelta(days=30)))
    template = (await rider.sees("/messages/templates"))[0]["template_id"]
    await rider.does("POST", "/messages/subscriptions", {"results": {template: "accept"}})


async def _reads_a_notice(story: Story) -> None:
    """And looks after a community's group."""
    admin = story.staff["admin"]
    notice = {"kind": "notice", "title": "领取饮用水", "body": "各驿站免费领取。", "area_id": str(story.county.root.id)}
    made = await admin.does("POST", "/announcements", notice)
    await admin.does("POST", f"/announcements/{made['id']}/publish", {})
    assert (await story.rider.sees(f"/announcements/{made['id']}"))["read"]
    group = {"area_id": str(story.county.community.id), "name": "骑手之家", "how_to_join": "到驿站扫码", "people": 12}
    await admin.does("POST", "/groups", group | {"keeper_id": story.rider.id})


async def _is_listed(story: Story) -> None:
    """On the list of the last quarter, which the objection has published, and chosen from a shortlist."""
    year, quarter = last_quarter()
    async with story.database.transaction() as session:
        published = await publicity_queries.found(session, area_id=story.county.root.id, quarter=Quarter(year, quarter))
        assert published is not None
        session.add(PublicityLine(list_id=published.id, member_id=story.rider_id, points=10, events=1))
    rule = {"title": "年度最美骑士", "year": clock.today().year, "area_id": str(story.county.root.id), "min_points": 1}
    made = await story.staff["admin"].does("POST", "/points/shortlists", rule)
    decision = {"chosen": [story.rider.id], "note": story.word("shortlist note")}
    await story.staff["second admin"].does("POST", f"/points/shortlists/{made['id']}/decide", decision)


async def _pushed_about(story: Story) -> None:
    """WeChat tells about a permission of the rider's, by openid, and about the control's."""
    async with story.database.session() as session:
        openids = [await auth_queries.openid_of(session, account_id=UUID(who.id)) for who in (story.rider, story.other)]
    story.canaries.append(Canary("openid", str(openids[0])))
    for number, openid in enumerate(openids):
        timestamp, nonce = str(int(time.time())), f"77{number}"
        query = {"timestamp": timestamp, "nonce": nonce, "openid": str(openid)}
        query["signature"] = crypto.signature(str(story.settings.wechat_push_token), timestamp, nonce)
        event = {
            "ToUserName": "gh_1", "FromUserName": openid, "CreateTime": int(timestamp), "MsgType": "event",
            "Event": "subscribe_msg_change_event", "List": {"TemplateId": "t", "SubscribeStatusString": "reject"},
        }
        answer = await story.http.post("/wechat/push", params=query, json=event)
        assert answer.status_code == 200, answer.text


async def _known(story: Story) -> None:
    """Where the rider's photos lie and what finds the rider: they must be gone as well."""
    keys = "array_remove(array[image_key, medium_key, thumb_key, original_key], null)"
    official = "kind in ('report_after', 'adjustment', 'clawback')"
    async with story.database.session() as session:
        connection = await session.connection()
        rows = (await connection.execute(
            sa.text(f"select {keys}, member_id, coalesce({official}, false) from upload where erased_at is null")
        )).all()
        found = await connection.execute(
            sa.text("select openid_index, phone_index from account where id = :id"), {"id": story.rider_id}
        )
        story.indexes = [bytes(value) for value in found.one()]
    story.photo_keys = [key for row in rows if row[1] == story.rider_id for key in row[0]]
    story.official_keys = [key for row in rows if row[2] for key in row[0]]
    story.canaries += [Canary(f"photo {number}", key, sealed=False) for number, key in enumerate(story.photo_keys)]
