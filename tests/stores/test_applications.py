"""A shop applies, is sent back, comes again, and becomes a store with the applicant as its owner."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.me import erasure
from app.stores import workflow_applications
from app.stores.models_applications import Status, StoreApplication
from tests.support.county import County
from tests.support.newcomer import picture
from tests.support.people import People, Person

API = "/api/v1"
APPLY = f"{API}/stores/applications"
USCC = "92370812MA3C4D5E66"


@dataclass
class Counter:
    """Where applications are made and decided."""

    client: httpx.AsyncClient
    session: AsyncSession
    people: People
    county: County
    admin: Person
    member: Person

    async def send(self, who: Person, method: str, path: str = "", body: Any = None, **headers: str) -> httpx.Response:
        sent = who.headers | ({"Idempotency-Key": uuid4().hex} if method == "POST" else {}) | headers
        return await self.client.request(method, APPLY + path, headers=sent, json=body)

    async def photo(self, who: Person) -> str:
        sent = {"file": ("p.jpg", picture(), "image/jpeg")}
        made = await self.client.post(f"{API}/uploads", files=sent, headers=who.headers | {"Idempotency-Key": uuid4().hex})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def body(self, who: Person, **more: Any) -> dict[str, Any]:
        return {
            "name": "东风便利店", "area_id": str(self.county.community.id), "location": self.county.place(), "address": "文化路 1 号",
            "phone": "0537-3412345", "hours": "08:00-22:00", "category": "convenience", "uscc": USCC,
            "upload_ids": [await self.photo(who)],
        } | more

    async def applies(self, who: Person | None = None, **more: Any) -> dict[str, Any]:
        who = who or self.member
        made = await self.send(who, "POST", "", await self.body(who, **more))
        assert made.status_code == 201, made.text
        answer: dict[str, Any] = made.json()
        return answer

    async def does(self, who: Person, application: dict[str, Any], command: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.send(who, "POST", f"/{application['id']}/{command}", {} if body is None else body, **headers)

    async def told(self, who: Person) -> list[str]:
        """The titles in an inbox, oldest first."""
        found = (await self.client.get(f"{API}/messages", headers=who.headers)).json()["items"]
        return [one["title"] for one in reversed(found)]


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


@pytest.fixture
async def counter(client: httpx.AsyncClient, session: AsyncSession, people: People, county: County) -> Counter:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.street.id)])
    return Counter(client, session, people, county, admin, await people.member())


async def test_from_the_application_to_the_store(counter: Counter) -> None:
    member, admin = counter.member, counter.admin
    made = await counter.applies(uscc="92370812MA3C4D5E60")
    assert (made["status"], made["applicant"], made["allowed"]) == ("submitted", None, ["update", "withdraw"])
    assert made["number"].startswith("A") and len(made["photos"]) == 1 and len(made["warnings"]) == 1 and made["category"] == "convenience"
    again = await counter.send(member, "POST", "", await counter.body(member))
    assert code_of(again) == (409, "already_exists")
    listed = (await counter.send(admin, "GET", "?status=submitted")).json()["items"]
    assert [one["id"] for one in listed] == [made["id"]] and listed[0]["allowed"] == ["return", "reject", "approve"]
    assert listed[0]["applicant"] and str(member.phone) not in str(listed)
    back = await counter.does(admin, made, "return", {"reason": "请补充门头照片"}, **{"If-Match": '"1"'})
    assert (back.json()["status"], back.json()["version"], back.json()["allowed"]) == ("returned", 2, [])
    stale = await counter.send(member, "PATCH", f"/{made['id']}", {"address": "文化路 3 号"}, **{"If-Match": '"1"'})
    assert code_of(stale) == (412, "version_mismatch")
    shop, licence = await counter.photo(member), await counter.photo(member)
    changed = {"address": "文化路 3 号", "upload_ids": [shop, licence], "uscc_confirmed": True}
    mended = (await counter.send(member, "PATCH", f"/{made['id']}", changed)).json()
    assert (mended["status"], mended["reason"], mended["warnings"], mended["version"]) == ("submitted", "请补充门头照片", [], 3)
    assert [one["id"] for one in mended["photos"]] == [shop, licence]
    stranger = await counter.photo(admin)
    refused = await counter.does(admin, made, "approve", {"photo_ids": [stranger]})
    assert code_of(refused) == (422, "validation_error")
    done = await counter.does(admin, made, "approve", {"photo_ids": [shop], "note": "欢迎"})
    assert done.status_code == 200, done.text
    approved = done.json()
    assert (approved["status"], approved["allowed"], [one["id"] for one in approved["photos"]]) == ("approved", [], [licence])
    store = (await counter.client.get(f"{API}/stores/{approved['store']['id']}", headers=member.headers)).json()
    assert (store["name"], store["address"], store["area"]["name"]) == ("东风便利店", "文化路 3 号", "东风社区")
    staff = (await counter.client.get(f"{API}/stores/{store['id']}/staff", headers=member.headers)).json()["items"]
    assert [(one["role"], one["account_id"]) for one in staff] == [("store_owner", str(member.id))]
    for other in ("return", "reject", "approve"):
        assert code_of(await counter.does(admin, made, other, {"reason": "x"} if other != "approve" else {})) == (409, "invalid_transition")
    assert await counter.told(member) == ["入驻申请已提交", "入驻申请需要补充", "入驻申请已提交", "入驻申请已通过"]
    assert await counter.told(admin) == ["有商家入驻申请等待审核"] * 2
    trail = sa.text("select action from audit_event where object_id = :id order by id").bindparams(id=UUID(made["id"]))
    rows = (await counter.session.exec(trail)).all()
    assert [row[0] for row in rows] == ["store.apply", "store.return_application", "store.revise_application", "store.approve"]


async def test_who_may_see_and_decide(counter: Counter) -> None:
    made, people = await counter.applies(), counter.people
    other_admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, counter.county.other_community.id)])
    reviewer = await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, counter.county.community.id)])
    photo = f"{API}/uploads/{made['photos'][0]['id']}"
    for stranger in (other_admin, reviewer, await people.member()):
        assert code_of(await counter.send(stranger, "GET", f"/{made['id']}")) == (404, "not_found")
        assert code_of(await counter.does(stranger, made, "approve")) == (404, "not_found")
        assert (await counter.send(stranger, "GET", "")).json()["items"] == []
        assert (await counter.client.get(photo, headers=stranger.headers)).status_code == 404
    assert (await counter.client.get(photo, headers=counter.admin.headers)).status_code == 200
    for command in ("return", "reject"):
        assert code_of(await counter.does(counter.member, made, command, {"reason": "x"})) == (403, "forbidden")
    assert code_of(await counter.does(counter.admin, made, "withdraw")) == (403, "forbidden")
    assert code_of(await counter.send(counter.admin, "PATCH", f"/{made['id']}", {"name": "我的"})) == (403, "forbidden")
    elsewhere = f"?area_id={counter.county.other_community.id}"
    assert (await counter.send(counter.admin, "GET", elsewhere)).json()["items"] == []
    assert code_of(await counter.send(counter.admin, "GET", f"?area_id={uuid4()}")) == (404, "not_found")
    own = await counter.applies(counter.admin)
    assert own["allowed"] == ["update", "withdraw"]
    assert code_of(await counter.does(counter.admin, own, "approve")) == (403, "forbidden")
    gone = await counter.does(counter.member, made, "withdraw")
    assert gone.json()["status"] == "withdrawn"
    assert code_of(await counter.does(counter.admin, made, "approve")) == (409, "invalid_transition")
    second = await counter.applies()
    no = await counter.does(counter.admin, second, "reject", {"reason": "不在本县"})
    assert (no.json()["status"], no.json()["reason"]) == ("rejected", "不在本县")
    mine = (await counter.send(counter.member, "GET", "/mine")).json()["items"]
    assert [(one["id"], one["status"]) for one in mine] == [(second["id"], "rejected"), (made["id"], "withdrawn")]


async def test_an_application_has_a_shape_and_a_person(counter: Counter) -> None:
    body = await counter.body(counter.member)
    for wrong in (
        {"upload_ids": []}, {"upload_ids": [str(uuid4())] * 2}, {"uscc": "1"}, {"category": "bank"}, {"hours": "8-22"}, {"name": None},
    ):
        assert code_of(await counter.send(counter.member, "POST", "", body | wrong)) == (422, "validation_error")
    assert code_of(await counter.send(counter.member, "POST", "", body | {"area_id": str(uuid4())})) == (404, "not_found")
    assert code_of(await counter.send(counter.member, "POST", "", body | {"upload_ids": [str(uuid4())]})) == (404, "not_found")
    assert code_of(await counter.send(await counter.people.console(), "POST", "", body)) in {(403, "forbidden"), (403, "phone_required")}
    assert code_of(await counter.send(await counter.people.member(phone=None), "POST", "", body)) == (403, "phone_required")
    assert code_of(await counter.send(await counter.people.member(consents=()), "POST", "", body)) == (403, "consent_required")
    keyless = await counter.client.post(APPLY, headers=counter.member.headers, json=body)
    assert code_of(keyless) == (400, "idempotency_key_missing")
    assert (await counter.send(counter.member, "POST", "", body)).status_code == 201


async def test_an_erasure_ends_and_empties_it(counter: Counter) -> None:
    made = await counter.applies(name="雀儿便利店", address="雀儿巷 7 号", phone="13899990007")
    await counter.does(counter.admin, made, "return", {"reason": "雀儿的照片不清楚"})
    path = f"{API}/members/me/export"
    copy = (await counter.client.get(path, headers=counter.member.headers)).text
    assert "雀儿巷 7 号" in copy and "雀儿的照片不清楚" in copy
    await erasure.rehearse(counter.session, member_id=counter.member.id)
    seen = (await counter.send(counter.admin, "GET", f"/{made['id']}")).json()
    assert (seen["status"], seen["name"], seen["reason"], seen["photos"], seen["allowed"]) == ("withdrawn", None, None, [], [])
    rows = await counter.session.exec(sa.text("select a::text || coalesce(t.text, '') from store_application a, store_text t"))
    assert not any("雀儿" in row[0] or "13899990007" in row[0] or USCC in row[0] for row in rows)


async def test_every_command_in_every_state(counter: Counter) -> None:
    """The same table of rules answers what is allowed and what is refused."""
    row = StoreApplication(applicant_id=counter.member.id, area_path=counter.county.community.path)
    commands = (*workflow_applications.APPLICANTS, *workflow_applications.ADMINISTRATORS)
    open_to = {
        (counter.member.id, Status.SUBMITTED): {"update", "withdraw"}, (counter.member.id, Status.RETURNED): {"update", "withdraw"},
        (counter.admin.id, Status.SUBMITTED): {"return", "reject", "approve"},
    }
    for who in (counter.member, counter.admin):
        for status in Status:
            row.status = status
            allowed = set(workflow_applications.allowed(who.principal, row))
            assert allowed == open_to.get((who.id, status), set()) and allowed <= set(commands)
