"""Over every operation of the API: only the organisation's secretary and the person themselves learn anything about a Party member.

Names and numbers follow the table of reliability.md 4.3. A new route must be given values for its parameters here, or the test fails.
"""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.db.session import AsyncSession
from app.enterprises.models import Enterprise, EnterpriseKind
from app.security import typed_codes
from tests.support.branches import API, Branch, make_branch
from tests.support.canaries import Canary, in_answer
from tests.support.county import County
from tests.support.every_call import Call, calls
from tests.support.newcomer import picture
from tests.support.people import People, Person
from tests.support.queue import queued

# Not asked: it would end what the test works with, or is not ours to call.
LEFT_OUT = {("POST", "/api/v1/auth/logout"), ("POST", "/api/v1/auth/wechat"), ("POST", "/api/v1/auth/password")}
# Words that say it of somebody: no answer but the form's own words may hold one.
WORDS = ("full_member", "probationary_member", "political_status", "home_branch", "joined_on", "away_since")
STATES = ("pending", "returned", "rejected", "approved")
MONTH = f"{clock.today():%Y-%m}"


@dataclass
class Member:
    """One Party member in one state, with words that nobody else has."""

    state: str
    person: Person
    registration: dict[str, Any]
    party: list[Canary]
    name: Canary
    phone: Canary


@dataclass
class World:
    client: httpx.AsyncClient
    connection: AsyncConnection
    county: County
    branch: Branch
    other: Branch
    members: list[Member] = field(default_factory=list)
    roles: dict[str, Person | None] = field(default_factory=dict)
    places: dict[str, Any] = field(default_factory=dict)

    async def send(self, who: Person | None, call: Call) -> httpx.Response:
        """Makes a call and takes back what it did."""
        if call.method == "GET":
            return await self.client.get(call.path, headers=self._head(who, call), params=call.query)
        undone = await self.connection.begin_nested()
        try:
            told = self._content(call) | {"headers": self._head(who, call), "params": call.query}
            return await self.client.request(call.method, call.path, **told)
        finally:
            await undone.rollback()

    @staticmethod
    def _content(call: Call) -> dict[str, Any]:
        if call.file:
            return {"files": {"file": ("list.csv", "姓名,手机号\n王小明,13800138000\n".encode(), "text/csv")}}
        return {} if call.body is None else {"json": call.body}

    @staticmethod
    def _head(who: Person | None, call: Call) -> dict[str, str]:
        keyed = {"Idempotency-Key": uuid4().hex} if call.method == "POST" else {}
        return keyed | (who.headers if who else {})

    async def post(self, who: Person, path: str, body: Any = None) -> Any:
        answer = await self.client.post(f"/api/v1{path}", json=body or {}, headers=who.headers | {"Idempotency-Key": uuid4().hex})
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json() if answer.content else None


@pytest.fixture
async def world(
    client: httpx.AsyncClient, connection: AsyncConnection, session: AsyncSession, people: People, county: County,
    run_job: Callable[..., Awaitable[None]],
) -> AsyncIterator[World]:
    branch = await make_branch(session, people, county.community, "东风社区快递党支部", phone="0537-3412345")
    other = await make_branch(session, people, county.community, "东风社区骑手党支部")
    made = World(client, connection, county, branch, other)
    await _places(made, session)
    await _roles(made, people)
    for number, state in enumerate(STATES):
        made.members.append(await _member(made, people, number, state))
    await _lives(made)
    await _report_in(made)
    await _on_a_roster(made, session, run_job)
    yield made


async def _places(world: World, session: AsyncSession) -> None:
    """An enterprise where they work; a store and a reward."""
    county = world.county
    firm = Enterprise(
        name="顺风速递", uscc="91370882MA3C00000X", uscc_confirmed=True, kind=EnterpriseKind.DEPOT, area_id=county.community.id,
        area_path=county.community.path, tenant_id=county.root.id,
    )
    session.add(firm)
    await session.flush()
    await put_scope(session, scope_type=ScopeType.ENTERPRISE, scope_id=firm.id, area_path=firm.area_path, name=firm.name)
    world.places["enterprise"] = firm.id


async def _roles(world: World, people: People) -> None:
    county, places = world.county, world.places
    area = {"reviewer": (Role.REVIEWER, county.community), "grid_worker": (Role.GRID_WORKER, county.grid),
            "area_admin of the county": (Role.AREA_ADMIN, county.root), "area_admin of the street": (Role.AREA_ADMIN, county.street),
            "auditor": (Role.AUDITOR, county.root)}
    for name, (role, where) in area.items():
        world.roles[name] = await people.member(grants=[(role, ScopeType.AREA, where.id)], stepped_up=True)
    admin = world.roles["area_admin of the county"]
    assert admin is not None
    store = {
        "name": "文化路便利店", "area_id": str(county.community.id), "location": county.place(), "address": "文化路 1 号",
        "phone": "0537-3412345", "hours": "08:00-22:00",
    }
    places["store"] = (await world.post(admin, "/stores", store))["id"]
    reward = {"name": "矿泉水", "kind": "goods", "points": 1, "store_ids": [places["store"]], "valid_days": 30, "settlement_cents": 150}
    places["reward"] = (await world.post(admin, "/rewards", reward))["id"]
    for name, role, kind, scope in (
        ("store_owner", Role.STORE_OWNER, ScopeType.STORE, UUID(places["store"])),
        ("store_clerk", Role.STORE_CLERK, ScopeType.STORE, UUID(places["store"])),
        ("enterprise_contact", Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, places["enterprise"]),
    ):
        world.roles[name] = await people.member(grants=[(role, kind, scope)], stepped_up=True)
    world.roles |= {
        "instructor of the organisation": world.branch.instructor, "secretary of another organisation": world.other.secretary,
        "platform_admin": await people.console(stepped_up=True), "another rider": await people.member(), "nobody": None,
    }


async def _member(world: World, people: People, number: int, state: str) -> Member:
    """Registered with the branch, brought into a state by its secretary, who writes about them."""
    phone = f"1399998811{number}"
    person = await people.member(phone=phone, consents=("service", "location", "party_identity", "publicity"))
    tag = f"癸{number}"
    party = {
        "home_branch": f"雀巢县朱雀村{tag}党支部", "joined_on": f"195{number}-02-17", "relation": "elsewhere",
        "away_since": f"198{number}-11-03",
    }
    words = {"reason": f"雀退回理由{tag}", "note": f"雀联系记录{tag}", "transfer": f"雀转接理由{tag}"}
    name = f"禤{tag}雀"
    body = {
        "scene": world.branch.scene, "real_name": name, "occupation": "courier", "political_status": "full_member", "party": party,
        "work_area_id": str(world.county.grid.id), "employers": [{"enterprise_id": str(world.places["enterprise"])}],
    }
    made = await world.post(person, "/registrations", body)
    path, secretary = f"/registrations/{made['id']}", world.branch.secretary
    on = (clock.today() + timedelta(days=3)).isoformat()
    if state == "returned":
        await world.post(secretary, f"{path}/return", {"reason": words["reason"]})
    if state == "rejected":
        await world.post(secretary, f"{path}/reject", {"reason": words["reason"]})
    if state == "approved":
        taken = {"management": "mobile", "contact_account_id": str(secretary.id), "next_contact_on": on}
        await world.post(secretary, f"{path}/approve", taken)
        await world.post(secretary, f"{path}/contacts", {"note": words["note"], "next_contact_on": on})
    kept = [Canary(key, str(value)) for key, value in party.items() if key != "relation"]
    kept += [Canary("reason", words["reason"]), Canary("note", words["note"])]
    kept += [Canary("number", made["number"]), Canary("registration", made["id"])]
    return Member(state, person, made, kept, Canary("name", name), Canary("phone", phone))


async def _lives(world: World) -> None:
    """What they do besides: a report, a complaint, points, an order. All of it may be seen by those whose duty it is."""
    for member in world.members:
        sent = await world.client.post(
            "/api/v1/uploads", files={"file": ("p.jpg", picture(), "image/jpeg")}, headers=member.person.headers
        )
        photo = sent.json()["id"]
        world.places.setdefault("upload", []).append(photo)
        body = {"category_code": "bin_overflow", "description": "垃圾箱满了", "location": world.county.place(), "upload_ids": [photo]}
        world.places.setdefault("report", []).append((await world.post(member.person, "/reports", body))["id"])
        complaint = await world.post(member.person, "/complaints", {"kind": "suggestion", "text": "希望增加充电柜"})
        world.places.setdefault("complaint", []).append(complaint["id"])
    reviewer = world.roles["reviewer"]
    assert reviewer is not None
    for report in world.places["report"]:
        await world.post(reviewer, f"/reports/{report}/accept", {"note": "属实"})
    world.places["redemption"] = [
        (await world.post(member.person, "/redemptions", {"reward_id": world.places["reward"]}))["id"] for member in world.members
    ]
    await _are_listed(world)


async def _are_listed(world: World) -> None:
    """They stand on a shortlist, and one of them speaks up against a quarter's list."""
    admin, year = world.roles["area_admin of the county"], clock.today().year
    assert admin is not None
    rule = {"title": "年度最美骑士", "year": year, "area_id": str(world.county.street.id), "min_points": 1}
    made = await world.post(admin, "/points/shortlists", rule)
    assert {one["name"] for one in made["candidates"]} == {member.name.value for member in world.members}
    world.places["shortlist"] = made["id"]
    path = f"/points/publicity/{year - 1}-q4/objections"
    world.places["objection"] = (await world.post(world.members[-1].person, path, {"reason": "名单有误"}))["id"]


async def _report_in(world: World) -> None:
    """All report in to the community; one is confirmed."""
    reviewer, last = world.roles["reviewer"], world.members[-1]
    assert reviewer is not None
    path = f"/areas/{world.county.community.id}/checkins"
    world.places["checkin"] = [
        (await world.post(member.person, path, {"kind": "member", "note": "晚上七点后有空"}))["id"] for member in world.members
    ]
    confirmed = await world.post(reviewer, f"{path}/{world.places['checkin'][-1]}/confirm", {"role": "mobile_grid_member"})
    world.places["appointment"] = confirmed["appointments"][0]["id"]
    assert last.state == "approved"


async def _on_a_roster(world: World, session: AsyncSession, run_job: Callable[..., Awaitable[None]]) -> None:
    """The branch's own list of its members, matched, with somebody on it who has not come."""
    rows = "".join(f"{member.name.value},{member.phone.value},{member.party[0].value}\n" for member in world.members)
    sent = {"file": ("roster.csv", f"姓名,手机号,备注\n{rows}禤某某,13999988190,未登记\n".encode(), "text/csv")}
    answer = await world.client.post(
        f"/api/v1/organisations/{world.branch.id}/roster", files=sent, headers=world.branch.secretary.headers
    )
    assert answer.status_code == 202, answer.text
    for name, payload in await queued(session):
        if name.startswith("roster"):
            await run_job(name, payload)
    lines = await world.client.get(f"/api/v1/organisations/{world.branch.id}/roster", headers=world.branch.secretary.headers)
    world.places["line"] = [line["id"] for line in lines.json()["items"]]
    assert len(world.places["line"]) == len(world.members) + 1


def tables(world: World) -> dict[str, Any]:
    """Values for every parameter and every field of a body that names something."""
    registrations = [member.registration["id"] for member in world.members]
    first, last = world.members[0], world.members[-1]
    county, places = world.county, world.places
    lng, lat = county.spot
    day = clock.today().isoformat()
    path_values = {
        "registration_id": registrations, "member_id": [last.person.id], "report_id": places["report"][-1:],
        "redemption_id": places["redemption"][-1:], "complaint_id": places["complaint"][-1:], "upload_id": places["upload"][-1:],
        "organisation_id": [world.branch.id], "enterprise_id": [places["enterprise"]], "store_id": [places["store"]],
        "reward_id": [places["reward"]], "area_id": [county.community.id], "scene": [world.branch.scene],
        "month": [MONTH], "year": [clock.today().year - 1], "quarter": [4], "code": ["REPORT_ACCEPTED"], "purpose": ["location"],
        "category_code": ["bin_overflow"],
        "session_id": [uuid4()], "grant_id": [uuid4()], "message_id": [uuid4()], "proposal_id": [uuid4()], "qrcode_id": [uuid4()],
        "shortlist_id": [places["shortlist"]], "objection_id": [places["objection"]],
        "award_id": [uuid4()], "confirmation_id": [uuid4()], "stop_id": [uuid4()], "freeze_id": [uuid4()],
        "checkin_id": places["checkin"][-1:], "appointment_id": [places["appointment"]], "line_id": places["line"][:1],
        "day": [day], "relation_id": [uuid4()], "unit_id": [uuid4()], "rule_id": [uuid4()], "cover_id": [uuid4()],
        "assignment_id": [uuid4()], "invitation_id": [uuid4()], "contract_id": [uuid4()], "application_id": [uuid4()],
        "discount_id": [uuid4()], "case_id": [uuid4()], "item_id": [uuid4()],
        "announcement_id": [uuid4()], "group_id": [uuid4()], "policy_code": ["privacy"],
        "correction_id": [uuid4()], "template_id": ["xinxin_report_progress"],
        "cap_code": ["GLOBAL"], "rule_code": ["place_rounded"], "proof_code": [typed_codes.grouped(typed_codes.draw())],
    }
    query_values = {
        "assignee_gone": ["true"], "severity": ["normal"], "unit_id": [uuid4()], "claimed": ["me", "others", "none"],
        "escalated": ["true"], "second_look": ["pending"], "order": ["due"], "active": ["true"], "past": ["true"],
        "limit": [], "cursor": [], "status": [], "overdue": ["true"], "assignee": [last.person.id], "radius_m": [],
        "category_code": ["bin_overflow"], "lng": [lng], "lat": [lat], "crs": [], "zoom": [16],
        "bbox": ["116.70,35.50,116.80,35.55"], "area_id": [county.root.id],
        "from": [day], "to": [day], "scope_type": ["organisation"], "scope_id": [world.branch.id],
        "format": ["csv", "xlsx"], "key": [first.registration["number"]], "organisation_id": [world.branch.id], "unread": ["true"],
        "store_id": [places["store"]], "kind": [], "parent_id": [county.root.id], "e": [], "s": [], "echostr": [], "signature": [],
        "timestamp": [], "nonce": [], "msg_signature": [], "on": [day], "role": [], "root": ["true"], "dissolved": ["true"],
        "pinned": ["true"], "version": ["2026-11"], "retired": ["true"],
        "q": [last.name.value], "year": [clock.today().year], "closed": ["true"], "covered": [], "six_months": ["true"],
        "state": [], "stage": [], "open": ["true"], "category": ["repair"], "open_now": ["true"],
        "month": [MONTH], "/api/v1/registrations status": STATES, "/api/v1/auth/grants scope_type": ["organisation"],
    }
    body_values = {
        "member_id": str(last.person.id), "account_id": str(last.person.id), "contact_account_id": str(last.person.id),
        "assignee_account_id": str(last.person.id), "organisation_id": str(world.other.id), "phone": last.phone.value,
        "enterprise_id": str(places["enterprise"]), "area_id": str(county.community.id), "work_area_id": str(county.community.id),
        "scope_id": str(county.grid.id), "upload_id": places["upload"][0], "upload_ids": [places["upload"][0]],
        "store_id": places["store"], "reward_id": places["reward"], "target_id": str(world.branch.id), "into_id": places["report"][0],
        "scene": world.branch.scene,
    }
    return {"path_values": path_values, "query_values": query_values, "body_values": body_values}


def told(world: World, name: str, who: Person | None, call: Call, answer: httpx.Response) -> list[str]:
    """What an answer tells a role that must not know it."""
    hidden: list[Canary] = []
    for member in world.members:
        if who is not None and who.id == member.person.id:
            continue
        hidden += [canary for canary in member.party if canary.value not in call.path]
        if name not in KNOW_NAMES and not (name == "reviewer" and call.template.startswith(TOLD_BY_REPORTING_IN)):
            hidden.append(member.name)
        if not call.template.endswith("/reveal") and member.phone.value not in str(call.body):
            hidden.append(member.phone)
    found = in_answer(answer, hidden)
    if call.template not in FORMS:
        found += [f"the word {word}" for word in WORDS if word.encode() in answer.content]
    return found


# Their commands are refused, or are those of the role beside them.
READERS = {"nobody", "auditor", "grid_worker", "store_clerk", "area_admin of the street"}
KNOW_NAMES = {"area_admin of the county", "area_admin of the street", "instructor of the organisation", "secretary"}
# Who reports in to a community tells its reviewer one's name by it (app/checkins/reading.py); each reading is audited.
TOLD_BY_REPORTING_IN = "/api/v1/areas/{area_id}/checkins"
# By day each role asks every so-maniest call that has parameters, and gives every so-maniest command.
PARAMETERS, COMMANDS = 8, 4
# Answers that show the caller's own words, or explain the caller's own mistake.
FORMS = {"/api/v1/registrations", "/api/v1/registrations/mine", "/api/v1/members/consent-texts", "/openapi.json"}


@pytest.mark.check("S21", part=True)
async def test_nobody_else_learns_of_a_party_member(world: World, document: dict[str, Any]) -> None:
    await nobody_learns(world, document)


async def nobody_learns(world: World, document: dict[str, Any], *, insisting: bool = False) -> None:
    """All read everything. `insisting` (tests/trust/nightly/test_s21_party.py), all ask for it with each parameter and give each command.

    By day these go round: of what can be asked besides, each role asks an eighth, and of the commands it gives a fourth; so each is asked
    or given by more roles than one. Who is refused a thing asks for it no more.
    """
    asked = [call for call in calls(document, **tables(world)) if (call.method, call.template) not in LEFT_OUT]
    wrong: list[str] = []
    answered = 0
    for turn, (name, who) in enumerate(world.roles.items()):
        refused: set[tuple[str, str]] = set()
        read: set[str] = set()  # for the first time, with no parameter that it can do without
        for number, call in enumerate(call for call in asked if call.method == "GET" or name not in READERS):
            plain = call.method == "GET" and call.path not in read
            if not plain and (turn + number) % (PARAMETERS if call.method == "GET" else COMMANDS) and not insisting:
                continue
            if (call.method, call.path) in refused and not insisting:
                continue
            read |= {call.path} if plain else set()
            answer = await world.send(who, call)
            answered += answer.is_success
            if answer.status_code in (401, 403):
                refused.add((call.method, call.path))
            assert answer.status_code < 500 or answer.status_code in (502, 503), f"{name}: {call} → {answer.status_code} {answer.text}"
            wrong += [f"{name}: {call} → {answer.status_code} tells {leak}" for leak in told(world, name, who, call, answer)]
    assert not wrong, f"{len(wrong)} leaks:\n" + "\n".join(wrong[:60])
    assert answered > 10 * len(world.roles), "most calls were refused for another reason than the caller"


async def test_the_secretary_and_the_person_do_see(world: World) -> None:
    """Otherwise the canaries of the test above might not be there at all."""
    for member in world.members:
        path = f"{API}/{member.registration['id']}"
        shown = await world.client.get(path, headers=world.branch.secretary.headers)
        expected = {"pending": set(), "returned": {"reason"}, "rejected": {"reason"}, "approved": {"note"}}[member.state]
        declared = set() if member.state == "rejected" else {"home_branch", "joined_on", "away_since"}
        names = {leak.partition(" (")[0] for leak in in_answer(shown, [*member.party, member.name])}
        assert names >= expected | declared | {"number", "registration", "name"}, (member.state, names)
        assert not in_answer(shown, [member.phone])
        own = await world.client.get(f"{API}/mine", headers=member.person.headers)
        seen = {leak.partition(" (")[0] for leak in in_answer(own, member.party)}
        assert seen >= declared | {"number"} | (expected - {"note"}), (member.state, seen)
        assert not [leak for other in world.members if other is not member for leak in in_answer(own, other.party)]


@pytest.mark.parametrize(
    "hidden",
    [
        lambda word: httpx.Response(200, json={"items": [{"home": word}]}),
        lambda word: httpx.Response(200, headers={"X-Debug": word.encode().hex()}, content=b"{}"),
        lambda word: httpx.Response(200, content=word.encode("unicode_escape")),
        lambda word: httpx.Response(200, content=b"cursor=" + base64.urlsafe_b64encode(b"ab" + word.encode() + b"c")),
    ],
    ids=["json", "hex header", "escaped", "base64 cursor"],
)
def test_the_judge_sees_a_word_however_it_is_written(hidden: Callable[[str], httpx.Response]) -> None:
    assert in_answer(hidden("雀巢县朱雀村党支部"), [Canary("home", "雀巢县朱雀村党支部")])
    assert not in_answer(hidden("别的"), [Canary("home", "雀巢县朱雀村党支部")])
