"""A county with one thing of every kind, and people who stand to it in every position: the ground that the access matrix walks.

Everything that can be looked at lies in one community (reports in its grid) and belongs to one rider, store, branch and enterprise.
What its words say is a canary of its kind, so that an answer that tells of it is known whatever route gave it.
"""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.areas.models import Area, Level
from app.auth.models import AccessGrant, AuthSession
from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.collusion.models import CollusionCase, CollusionReason, ReasonCode
from app.db.base import new_id
from app.db.session import AsyncSession
from app.enterprises.models import Enterprise, EnterpriseKind
from app.messages import service as messages_service
from app.moderation.models import ItemKind, ModerationItem, OwnerType, Reason
from app.points.models_conditions import PointsConfirmation, PointsEarningStop
from app.points.models_freezes import PointsFreeze
from app.points.service import noting
from app.security import tokens
from app.uploads.models import Checked, Upload
from tests.support.branches import Branch, make_branch
from tests.support.canaries import last_quarter
from tests.support.county import County
from tests.support.newcomer import picture
from tests.support.people import People, Person
from tests.support.queue import queued

API = "/api/v1"
CONSENTS = ("service", "location", "party_identity", "employer_statement", "publicity")
PARTY = {"home_branch": "雀镇甲村党支部", "joined_on": "1951-02-17", "relation": "elsewhere", "away_since": "1981-11-03"}
RENEWED_S = 300.0
FAR = "37089800100100"  # the county beside, with a street and a community of its own


def word(kind: str) -> str:
    """The canary of a kind: nobody writes it by chance, and it needs no escape anywhere."""
    return f"zq{kind}canary"


def last_month() -> date:
    return clock.month_start(clock.month_start(clock.today()) - timedelta(days=1))


@dataclass
class Estate:
    client: httpx.AsyncClient
    connection: AsyncConnection
    session: AsyncSession
    county: County
    people: People
    run_job: Callable[..., Awaitable[None]]
    cast: dict[str, Person | None] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    photos: dict[str, str] = field(default_factory=dict)
    issued: dict[str, tuple[float, dict[str, str]]] = field(default_factory=dict)
    branch: Branch = field(default=None)  # type: ignore[assignment]
    other_branch: Branch = field(default=None)  # type: ignore[assignment]

    def __getitem__(self, name: str) -> Person:
        found = self.cast[name]
        assert found is not None, name
        return found

    def headers(self, name: str) -> dict[str, str]:
        """Of somebody of the cast; a token lives for 15 minutes, a walk on a busy machine longer."""
        person = self.cast[name]
        if person is None or name == "expired":
            return dict(person.headers) if person else {}
        at, headers = self.issued.get(name, (0.0, {}))
        if not headers or time.monotonic() - at > RENEWED_S:
            ring, issuer = self.session.info["keys"], tokens.issuer(self.people.settings.env)
            token = tokens.issue(ring.secret, issuer=issuer, account_id=person.id, session_id=person.principal.session_id)
            at, headers = self.issued[name] = time.monotonic(), {"Authorization": f"Bearer {token}"}
        return dict(headers)

    async def does(self, who: Person, path: str, body: Any = None, *, method: str = "POST", **more: Any) -> Any:
        """Sets something up; whoever may not is a mistake of the test."""
        headers = who.headers | ({"Idempotency-Key": uuid4().hex} if method == "POST" else {})
        told = more or {"json": {} if body is None and method == "POST" else body}
        answer = await self.client.request(method, API + path, headers=headers, **told)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def makes(self, name: str, who: Person, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = await self.does(who, path, body, **more)
        self.ids[name] = str(made["id"])
        return made

    async def identity(self) -> str:
        """The rider's code for the till, which is another one every minute."""
        answer = await self.client.get(f"{API}/members/me/identity-code", headers=self.headers("rider@own"))
        return str(answer.json()["token"])

    async def photo(self, who: Person, **more: Any) -> str:
        """As an upload leaves it, without the work on pixels."""
        upload = Upload(
            member_id=who.id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=100, height=100,
            size_bytes=1000, **more,
        )
        self.session.add(upload)
        await self.session.flush()
        return str(upload.id)


async def settle(estate: Estate) -> Estate:
    """Everything, in the order in which it needs each other."""
    await _places(estate)
    await _cast(estate)
    await _rider(estate)
    await _report(estate)
    await _points(estate)
    await _trade(estate)
    await _branch_life(estate)
    await _offices(estate)
    await _lists(estate)
    return estate


async def _places(estate: Estate) -> None:
    session, county, people = estate.session, estate.county, estate.people
    parent: Area | None = None
    for level, code in ((Level.COUNTY, FAR[:6]), (Level.STREET, FAR[:9]), (Level.COMMUNITY, FAR[:12])):
        area = Area(
            parent_id=parent.id if parent else None, level=level, code=code, name=f"邻县{code}",
            path=f"{parent.path if parent else ''}{code}/", center_lng=117.5, center_lat=35.5,
        )
        session.add(area)
        await session.flush()
        await put_scope(session, scope_type=ScopeType.AREA, scope_id=area.id, area_path=area.path, name=area.name)
        estate.ids[f"far_{level.value}"], parent = str(area.id), area
    estate.branch = await make_branch(session, people, county.community, "东风社区快递党支部", phone="0537-3412345")
    estate.other_branch = await make_branch(session, people, county.other_community, "建设社区骑手党支部")
    estate.ids |= {"organisation_id": str(estate.branch.id), "other_organisation": str(estate.other_branch.id)}
    for name, area, uscc in (("enterprise_id", county.community, "91370882MA3C00000X"), ("other_enterprise", county.other_community, None)):
        firm = Enterprise(
            name=f"企业{name}", uscc=uscc or "91370812MA3C4D5E69", uscc_confirmed=True, kind=EnterpriseKind.DEPOT, area_id=area.id,
            area_path=area.path, tenant_id=county.root.id, created_at=clock.now() - timedelta(days=90),
        )
        session.add(firm)
        await session.flush()
        await put_scope(session, scope_type=ScopeType.ENTERPRISE, scope_id=firm.id, area_path=area.path, name=firm.name)
        estate.ids[name] = str(firm.id)
    maker = estate.cast["maker"] = await people.member(
        consents=CONSENTS, grants=[_on(Role.AREA_ADMIN, county.root.id)], stepped_up=True
    )
    for name, area in (("store_id", county.community), ("other_store", county.other_community)):
        store = {
            "name": f"店{name}", "area_id": str(area.id), "location": county.place(other=name != "store_id"), "address": "文化路 1 号",
            "phone": "0537-3412345", "hours": "08:00-22:00",
        }
        await estate.makes(name, maker, "/stores", store)


def _on(role: Role, scope_id: UUID, scope_type: ScopeType = ScopeType.AREA) -> tuple[Role, ScopeType, UUID]:
    return role, scope_type, scope_id


def wishes(estate: Estate) -> dict[str, tuple[Role, ScopeType, UUID]]:
    """Who holds what: `role@position`, the position being that of the grant to where everything lies."""
    county, ids = estate.county, estate.ids
    areas = {
        "county": county.root.id, "street": county.street.id, "community": county.community.id, "grid": county.grid.id,
        "sibling": county.other_community.id, "far": UUID(ids["far_county"]),
    }
    found = {f"{name}@{where}": _on(role, areas[where]) for name, role, places in (
        ("admin", Role.AREA_ADMIN, ("county", "street", "community", "grid", "sibling", "far")),
        ("reviewer", Role.REVIEWER, ("street", "community", "grid", "sibling")),
        ("worker", Role.GRID_WORKER, ("community", "grid", "sibling")), ("auditor", Role.AUDITOR, ("county", "far")),
    ) for where in places}
    for name, role, kind, own, other in (
        ("owner", Role.STORE_OWNER, ScopeType.STORE, "store_id", "other_store"),
        ("clerk", Role.STORE_CLERK, ScopeType.STORE, "store_id", "other_store"),
        ("contact", Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, "enterprise_id", "other_enterprise"),
        ("secretary", Role.ORG_SECRETARY, ScopeType.ORGANISATION, "organisation_id", "other_organisation"),
        ("instructor", Role.INSTRUCTOR, ScopeType.ORGANISATION, "organisation_id", "other_organisation"),
    ):
        found |= {f"{name}@own": _on(role, UUID(ids[own]), kind), f"{name}@other": _on(role, UUID(ids[other]), kind)}
    return found


async def _cast(estate: Estate) -> None:
    """Everybody agreed to everything, has a phone and is stepped up: only rights decide."""
    people, cast = estate.people, estate.cast
    for name, wish in wishes(estate).items():
        cast[name] = await people.member(consents=CONSENTS, grants=[wish], stepped_up=True)
    county = _on(Role.AREA_ADMIN, estate.county.root.id)
    cast["platform"] = await people.console(stepped_up=True)
    cast["rider@own"], cast["rider@other"] = [await people.member(consents=CONSENTS, stepped_up=True) for _ in range(2)]
    cast["revoked"], cast["run out"] = [await people.member(consents=CONSENTS, grants=[county], stepped_up=True) for _ in range(2)]
    past = clock.now() - timedelta(minutes=1)
    for name, change in (("revoked", {"revoked_at": past}), ("run out", {"valid_until": past})):
        await estate.session.exec(sa.update(AccessGrant).where(sa.column("account_id") == estate[name].id).values(change))
    cast["checker"] = await people.member(consents=CONSENTS, grants=[_on(Role.REVIEWER, estate.county.community.id)], stepped_up=True)
    for name in list(cast):
        estate.photos[name] = await estate.photo(estate[name])
    await estate.session.exec(sa.update(AuthSession).values(stepped_up_until=clock.now() + timedelta(hours=1)))
    cast["nobody"], cast["expired"] = None, _expired(estate, estate["admin@county"])


def _expired(estate: Estate, who: Person) -> Person:
    """The token of somebody who may do nearly everything, a day after its end."""
    ring, issuer = estate.session.info["keys"], tokens.issuer(estate.people.settings.env)
    with mock.patch.object(clock, "now", return_value=clock.now() - timedelta(days=1)):
        token = tokens.issue(ring.secret, issuer=issuer, account_id=who.id, session_id=who.principal.session_id)
    return Person(who.id, {"Authorization": f"Bearer {token}"}, who.principal)


async def _rider(estate: Estate) -> None:
    """Registered with the branch as a Party member; has a firm, a complaint, a message, an application and a session."""
    rider, ids, county = estate["rider@own"], estate.ids, estate.county
    body = {
        "scene": estate.branch.scene, "real_name": word("name"), "occupation": "courier", "political_status": "full_member",
        "party": PARTY | {"home_branch": word("party")}, "work_area_id": str(county.grid.id),
        "employers": [{"enterprise_id": ids["enterprise_id"]}],
    }
    await estate.makes("registration_id", rider, "/registrations", body)
    await estate.makes("relation_id", rider, "/members/me/work-relations", {"name": "兖州闪送站点", "since": "2026-03-01"})
    await estate.makes("complaint_id", rider, "/complaints", {"kind": "suggestion", "text": word("complaint")})
    shop = {
        "name": word("application"), "area_id": str(county.community.id), "location": county.place(), "uscc": "92370812MA3C4D5E66",
        "address": "文化路 1 号", "phone": "0537-3412345", "hours": "08:00-22:00", "category": "convenience",
        "upload_ids": [await estate.photo(rider)],
    }
    await estate.makes("application_id", rider, "/stores/applications", shop)
    await messages_service.send(estate.session, member_id=rider.id, category="system", title="通知", body=word("message"))
    await estate.session.flush()
    listed = await estate.client.get(f"{API}/messages", headers=rider.headers)
    ids |= {
        "message_id": listed.json()["items"][0]["id"], "member_id": str(rider.id), "account_id": str(rider.id),
        "session_id": str(rider.principal.session_id),
    }


async def _report(estate: Estate) -> None:
    """Under way in the hands of the grid's worker; and one that nobody has looked at, to be merged into."""
    rider, worker, checker, ids = estate["rider@own"], estate["worker@grid"], estate["checker"], estate.ids
    sent = await estate.makes("upload_id", rider, "/uploads", files={"file": ("p.jpg", picture(), "image/jpeg")})
    body = {
        "category_code": "bin_overflow", "description": word("report"), "location": estate.county.place(), "upload_ids": [sent["id"]],
    }
    await estate.makes("report_id", rider, "/reports", body)
    await estate.makes("into_id", rider, "/reports", body | {"upload_ids": [await estate.photo(rider)]})
    path = f"/reports/{ids['report_id']}"
    await estate.does(checker, f"{path}/accept", {"note": "属实"})
    await estate.does(checker, f"{path}/dispatch", {"assignee_account_id": str(worker.id)})
    await estate.does(worker, f"{path}/start")
    ids["assignee_account_id"] = str(worker.id)
    proof = await estate.does(rider, f"{path}/proof", method="GET")
    ids["proof_code"] = str(proof["code"])


async def _points(estate: Estate) -> None:
    """What waits for a second person's decision, all of it asked for by the maker."""
    maker, rider, ids, session = estate["maker"], estate["rider@own"], estate.ids, estate.session
    body = {"member_id": str(rider.id), "amount": 100, "reason": word("adjustment"), "upload_id": await estate.photo(maker)}
    first = await estate.does(maker, "/points/adjustments", body)
    await estate.does(estate["admin@county"], f"/points/adjustments/{first['id']}/approve")
    await estate.makes("adjustment", maker, "/points/adjustments", body | {"upload_id": await estate.photo(maker)})
    entries = await estate.does(rider, "/points/me/entries", method="GET")
    entry = next(one["id"] for one in entries["items"] if one["kind"] == "earn")
    ids["entry_id"] = str(entry)
    asked = {"entry_id": entry, "reason": word("clawback"), "upload_id": await estate.photo(maker)}
    await estate.makes("clawback", maker, "/points/clawbacks", asked)
    award = {"report_id": ids["report_id"], "rule_code": "MAJOR_LEAD", "reason": word("award"), "upload_id": await estate.photo(maker)}
    await estate.makes("award_id", maker, "/points/awards", award)
    where = {"member_id": rider.id, "area_path": estate.county.community.path}
    waits = PointsConfirmation(
        rule_code="HAZARD_ACCEPTED", rule_version=1, source_type="report", source_id=new_id(), source_number=f"R{new_id().hex[-15:]}",
        filed_on=clock.today(), points=50, first_actor_id=estate["checker"].id, **where,
    )
    stop = PointsEarningStop(
        starts_on=clock.today() - timedelta(days=9), until=clock.today() + timedelta(days=9), cause_id=UUID(ids["award_id"]), **where
    )
    note_id = await noting.note(session, member_id=maker.id, text="已核对")
    lifted = {"lifted_at": clock.now(), "lifted_by": maker.id, "note_id": note_id}  # where redemption stands still nobody could order
    freeze = PointsFreeze(area_path=estate.county.grid.path, invariant="I1", count=1, **lifted)
    session.add_all([waits, stop, freeze])
    await session.flush()
    ids |= {"confirmation_id": str(waits.id), "stop_id": str(stop.id), "freeze_id": str(freeze.id)}


async def _trade(estate: Estate) -> None:
    """What a store sells, whom it employs, what it is paid."""
    maker, rider, ids, session = estate["maker"], estate["rider@own"], estate.ids, estate.session
    shop = f"/stores/{ids['store_id']}"
    goods = {"name": "矿泉水", "kind": "goods", "points": 1, "store_ids": [ids["store_id"]], "valid_days": 30, "settlement_cents": 150}
    await estate.makes("reward_id", maker, "/rewards", goods)
    order = await estate.makes("redemption_id", rider, "/redemptions", {"reward_id": ids["reward_id"]})
    till = {"store_id": ids["store_id"], "code": order["code"]}
    done = await estate.does(estate["clerk@own"], "/redemptions/verify", till)
    ids |= {"verification_id": str(done["verification_id"]), "key": done["number"]}
    live = await estate.makes("live_order", rider, "/redemptions", {"reward_id": ids["reward_id"]})
    ids |= {"code_of_order": live["code"], "slip": re.findall(r"(?:[0-9A-Z]{4}-)+[0-9A-Z]{4}", done["slip"])[-1], "number": done["number"]}
    staff = await estate.does(maker, f"{shop}/staff", {"phone": "13755550001", "role": "store_clerk"})
    ids["staff_grant"] = str(staff["id"])
    asked = {"expires_in_hours": 24, "max_uses": 1, "role": "store_clerk"}
    await estate.makes("store_invitation", estate["owner@own"], f"{shop}/invitations", asked)
    contract = {
        "bank_account": "6228480402564890018", "bank_name": "农业银行", "ends_on": "2027-12-31", "number": "XX-2026-017",
        "pay_within_days": 10, "payee_name": word("contract"), "signed_on": "2026-01-01", "starts_on": "2026-01-01",
    }
    await estate.makes("contract_id", maker, f"{shop}/contracts", contract)
    discount = {"title": "九折", "terms": "凭码", "starts_on": "2026-01-01"}
    await estate.makes("discount_id", maker, f"{shop}/discounts", discount)
    fix = {"cents": 50, "reason": word("correction")}
    await estate.makes("correction_id", maker, f"{shop}/settlements/{clock.today():%Y-%m}/corrections", fix)
    case = CollusionCase(store_id=UUID(ids["store_id"]), clerk_id=estate["clerk@own"].id, member_id=rider.id)
    session.add(case)
    await session.flush()
    today = clock.today()
    session.add(CollusionReason(
        case_id=case.id, code=ReasonCode.QUICK, observed=6, expected=600, support=9, window_from=today, window_to=today
    ))
    ids["case_id"] = str(case.id)


async def _branch_life(estate: Estate) -> None:
    """Rosters, covers, instructors, invitations; and a rider who reports in to the community."""
    maker, rider, ids, county = estate["maker"], estate["rider@own"], estate.ids, estate.county
    branch, firm = f"/organisations/{ids['organisation_id']}", f"/enterprises/{ids['enterprise_id']}"
    row = f"姓名,手机号,备注\n{word('roster')},13999988190,未登记\n".encode()
    for who, path in ((estate["secretary@own"], branch), (maker, firm)):
        await estate.does(who, f"{path}/roster", files={"file": ("roster.csv", row, "text/csv")})
    for name, payload in await queued(estate.session):
        if name.startswith("roster"):
            await estate.run_job(name, payload)
    lines = await estate.does(estate["secretary@own"], f"{branch}/roster", method="GET")
    ids["line_id"] = lines["items"][0]["id"]
    cover = {"enterprise_id": ids["other_enterprise"], "since": clock.today().isoformat()}
    await estate.makes("cover_id", maker, f"{branch}/covers", cover)
    for name, path in (("organisation_assignment", branch), ("enterprise_assignment", firm)):
        await estate.makes(name, maker, f"{path}/assignments", {"account_id": str(estate["instructor@own"].id), "role": "instructor"})
    await estate.makes("organisation_invitation", estate["secretary@own"], f"{branch}/invitations", {"max_uses": 50, "valid_days": 30})
    path = f"/areas/{county.community.id}/checkins"
    await estate.makes("checkin_id", rider, path, {"kind": "member", "note": word("checkin")})
    done = await estate.does(estate["checker"], f"{path}/{ids['checkin_id']}/confirm", {"role": "mobile_grid_member"})
    ids["appointment_id"] = done["appointments"][0]["id"]


async def _offices(estate: Estate) -> None:
    """Units, rules, codes, notices, groups, grants, and a photo that waits for a person's eye."""
    maker, ids, community = estate["maker"], estate.ids, str(estate.county.community.id)
    await estate.makes("unit_id", maker, "/units", {"name": "东风网格队", "kind": "grid_team", "area_id": community})
    worker = {"account_id": ids["assignee_account_id"]}
    await estate.makes("unit_member", maker, f"/units/{ids['unit_id']}/members", worker)
    rule = {"area_id": community, "category_code": "road_hole", "unit_id": ids["unit_id"]}
    await estate.makes("rule_id", maker, "/routing-rules", rule)
    code = await estate.makes("qrcode_id", maker, "/qrcodes", {"purpose": "registration", "target_id": ids["organisation_id"]})
    ids["scene"] = code["scene"]
    notice = {"kind": "notice", "title": word("notice"), "body": "各驿站免费领取。", "area_id": community}
    await estate.makes("announcement_id", maker, "/announcements", notice)
    group = {"area_id": community, "name": word("group"), "how_to_join": "到驿站扫码", "people": 12}
    await estate.makes("group_id", maker, "/groups", group)
    grant = {"phone": "13755550002", "role": "reviewer", "scope_type": "area", "scope_id": community}
    await estate.makes("grant_id", maker, "/auth/grants", grant)
    owner_id = UUID(ids["store_id"])
    photo = await estate.photo(
        estate["owner@own"], kind="store", owner_id=owner_id, position=7, attached_at=clock.now(), checked=Checked.REVIEW
    )
    item = ModerationItem(
        kind=ItemKind.PHOTO, owner_type=OwnerType.STORE, owner_id=owner_id, edition_id=UUID(photo), author_id=estate["owner@own"].id,
        area_path=estate.county.community.path, reason=Reason.REVIEW,
    )
    estate.session.add(item)
    await estate.session.flush()
    ids["item_id"] = str(item.id)


async def _lists(estate: Estate) -> None:
    """A shortlist that names the rider, and the rider's objection to a list of the last quarter."""
    maker, rider, (year, quarter) = estate["maker"], estate["rider@own"], last_quarter()
    rule = {"title": word("shortlist"), "year": clock.today().year, "area_id": str(estate.county.street.id), "min_points": 1}
    await estate.makes("shortlist_id", maker, "/points/shortlists", rule)
    path = f"/points/publicity/{year}-q{quarter}/objections"
    await estate.makes("objection_id", rider, path, {"reason": word("objection")})
