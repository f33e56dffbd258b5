"""Ids that do not belong: in bodies, lists, filters, cursors, and where a thing of another kind is asked for. S23 of reliability.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from tests.access.estate import API, Estate
from tests.access.requests import Request
from tests.access.table import TABLE
from tests.support.traces import changed, fingerprint, undone

REFUSED = (403, 404, 409, 422)


@dataclass(frozen=True)
class Door:
    """Somebody who may do this with what is theirs tries it with what is not."""

    name: str
    who: str
    method: str
    path: str
    body: dict[str, Any]

    async def tried(self, estate: Estate) -> str | None:
        """What is wrong with the answer: anything but a refusal."""
        answer = await send(estate, self.who, self.method, self.path, self.body)
        return None if answer.status_code in REFUSED else f"{self.name}: {answer.status_code} {answer.text[:200]}"


async def opened(estate: Estate, some: Sequence[Door]) -> list[str]:
    """The doors that were not shut, and what they have left; when something has changed, each is tried again alone."""
    before, wrong = await fingerprint(estate.connection), []
    for door in some:
        told = await door.tried(estate)
        if told:
            wrong.append(told)
    if not changed(before, await fingerprint(estate.connection)):
        return wrong
    return wrong + [f"{door.name}: {tables}" for door in some if (tables := await _left(estate, door))]


async def _left(estate: Estate, door: Door) -> list[str]:
    async with undone(estate.connection):
        before = await fingerprint(estate.connection)
        await door.tried(estate)
        return changed(before, await fingerprint(estate.connection))


async def send(estate: Estate, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = estate.headers(who) | ({"Idempotency-Key": uuid4().hex} if method == "POST" else {})
    return await estate.client.request(method, API + path, json=body, headers=headers)


async def doors(estate: Estate) -> list[Door]:
    ids, county = estate.ids, estate.county
    report, order = f"/reports/{ids['report_id']}", {"store_id": ids["other_store"], "code": ids["code_of_order"]}
    mine, theirs = await estate.photo(estate["rider@other"]), await estate.photo(estate["rider@own"])
    filing = {"category_code": "bin_overflow", "description": "满了", "location": county.place()}
    elsewhere, accepted = await _elsewhere(estate), await _accepted(estate)
    registration, other = f"/registrations/{ids['registration_id']}", str(estate.other_branch.secretary.id)
    goods = {"name": "水", "kind": "goods", "points": 1, "valid_days": 30, "settlement_cents": 150}
    shops = [ids["store_id"], ids["other_store"]]
    money = {"member_id": str(estate["rider@own"].id), "amount": 5, "reason": "补记"}
    told = [
        ("a report with another's photo", "rider@other", "POST", "/reports", filing | {"upload_ids": [theirs]}),
        ("a report with an own and another's photo", "rider@other", "POST", "/reports", filing | {"upload_ids": [mine, theirs]}),
        ("a report with the same photo as one that has it", "rider@own", "POST", "/reports", filing | {"upload_ids": [ids["upload_id"]]}),
        ("a complaint with another's photo", "rider@other", "POST", "/complaints",
         {"kind": "complaint", "text": "x", "upload_ids": [theirs]}),
        ("the solution with the reporter's photo", "worker@grid", "POST", f"{report}/resolve", {"note": "x", "upload_ids": [theirs]}),
        ("merged into a report elsewhere", "reviewer@community", "POST", f"/reports/{ids['into_id']}/merge", {"into_id": elsewhere}),
        ("handed to a worker elsewhere", "reviewer@community", "POST", f"/reports/{accepted}/dispatch",
         {"assignee_account_id": str(estate["worker@sibling"].id)}),
        ("handed to no worker at all", "reviewer@community", "POST", f"/reports/{accepted}/dispatch",
         {"assignee_account_id": ids["member_id"]}),
        ("verified for a store that is not mine", "clerk@own", "POST", "/redemptions/verify", order),
        ("verified at a store that does not sell it", "clerk@other", "POST", "/redemptions/verify", order),
        ("looked at for a store that does not sell it", "clerk@other", "POST", "/redemptions/preview", order),
        ("a reward for an own and a foreign store", "admin@community", "POST", "/rewards", goods | {"store_ids": shops}),
        ("a reward taken to a foreign store", "admin@community", "PATCH", f"/rewards/{ids['reward_id']}", {"store_ids": shops}),
        ("points with another's proof", "admin@county", "POST", "/points/adjustments", money | {"upload_id": theirs}),
        ("points from beside", "admin@sibling", "POST", "/points/adjustments", money | {"upload_id": estate.photos["admin@sibling"]}),
        ("a contact person of another branch", "secretary@own", "POST", f"{registration}/approve",
         {"management": "mobile", "contact_account_id": other, "next_contact_on": "2099-01-01"}),
        ("taken in by another branch", "secretary@own", "POST", f"{registration}/approve", {
            "management": "mobile", "contact_account_id": other, "next_contact_on": "2099-01-01",
            "organisation_id": ids["other_organisation"],
        }),
        ("sent to a branch that is none", "secretary@own", "POST", f"{registration}/transfer",
         {"organisation_id": ids["enterprise_id"], "reason": "x"}),
        ("a code for another branch", "secretary@own", "POST", "/qrcodes",
         {"purpose": "registration", "target_id": ids["other_organisation"]}),
        ("a notice to a branch beside", "admin@community", "POST", "/announcements", {
            "kind": "notice", "title": "x", "body": "x", "area_id": str(county.community.id),
            "organisation_ids": [ids["organisation_id"], ids["other_organisation"]],
        }),
        ("a store beside", "admin@community", "POST", "/stores", {
            "name": "x", "area_id": str(county.other_community.id), "location": county.place(other=True), "address": "x",
            "phone": "0537-3412345", "hours": "08:00-22:00",
        }),
        ("a rule for another's unit", "admin@sibling", "POST", "/routing-rules",
         {"area_id": str(county.other_community.id), "category_code": "bin_overflow", "unit_id": ids["unit_id"]}),
        ("a unit with a worker from beside", "admin@community", "POST", f"/units/{ids['unit_id']}/members",
         {"account_id": str(estate["worker@sibling"].id)}),
        ("a group kept by nobody of ours", "admin@community", "PATCH", f"/groups/{ids['group_id']}", {"keeper_id": str(uuid4())}),
        ("a shortlist's choice of who is not on it", "admin@street", "POST", f"/points/shortlists/{ids['shortlist_id']}/decide",
         {"chosen": [ids["member_id"], str(estate["rider@other"].id)], "note": "x"}),
        ("a dispute about another's lines", "owner@own", "POST", f"/stores/{ids['other_store']}/settlements/2026-10/dispute",
         {"lines": [ids["verification_id"]], "reason": "x"}),
        ("another store's discount at my till", "clerk@other", "POST", f"/stores/{ids['other_store']}/visits",
         {"token": await estate.identity(), "discount_id": ids["discount_id"]}),
        ("an enterprise that looks after itself", "contact@own", "POST", f"/enterprises/{ids['other_enterprise']}/headcounts",
         {"headcount": 1, "on": "2026-11-01"}),
    ]
    return [Door(*one) for one in told]


async def _elsewhere(estate: Estate) -> str:
    """A report in the community beside."""
    rider = estate["rider@other"]
    body = {
        "category_code": "bin_overflow", "description": "满了", "location": estate.county.place(other=True),
        "upload_ids": [await estate.photo(rider)],
    }
    return str((await estate.does(rider, "/reports", body))["id"])


async def _accepted(estate: Estate) -> str:
    """A report of the community that waits to be handed to somebody."""
    rider = estate["rider@own"]
    photo = await estate.photo(rider)
    body = {"category_code": "bin_overflow", "description": "满了", "location": estate.county.place(), "upload_ids": [photo]}
    report = str((await estate.does(rider, "/reports", body))["id"])
    await estate.does(estate["checker"], f"/reports/{report}/accept", {"note": "属实"})
    return report


async def of_another_kind(estate: Estate, requests: list[Request], *, every: int = 1) -> list[str]:
    """Each thing that somebody may ask for, asked for by the id of a thing of another kind: it is not there."""
    wrong, other = [], str(estate.cast["maker"].id) if estate.cast["maker"] else ""
    for number, request in enumerate(requests):
        holes = [name for name in request.call.template.split("{")[1:] if name.partition("}")[0].endswith("_id")]
        if not holes or number % every or TABLE[request.name].public:
            continue
        last = holes[-1].partition("}")[0]
        who = next((name for name in sorted(TABLE[request.name].may)), None)
        if who is None or last == "template_id":
            continue
        path = _with(request, last, other)
        async with undone(estate.connection):
            answer = await Request(request.name, type(request.call)(
                request.method, request.call.template, path, request.call.query, request.call.body, request.call.file
            )).send(estate, who)
        if answer.status_code not in (404, 403, 422):
            wrong.append(f"{request.name} by {who} with a {last} of another kind: {answer.status_code} {answer.text[:120]}")
    return wrong


def _with(request: Request, name: str, value: str) -> str:
    parts = zip(request.call.template.split("/"), request.call.path.split("/"), strict=True)
    return "/".join(value if hole == "{" + name + "}" else filled for hole, filled in parts)


async def by_cursor(estate: Estate) -> list[str]:
    """The place in somebody's list, given to somebody else: they read on in their own list, or are refused."""
    wrong = []
    for path, owner, thief in (
        ("/messages", "rider@own", "rider@other"), ("/points/me/entries", "rider@own", "rider@other"),
        ("/redemptions", "rider@own", "rider@other"),
        ("/reports/inbox", "reviewer@community", "reviewer@sibling"), ("/points/adjustments", "admin@county", "admin@sibling"),
        ("/registrations", "secretary@own", "secretary@other"), ("/complaints", "admin@county", "admin@far"),
    ):
        first = await estate.client.get(f"{API}{path}", params={"limit": 1}, headers=estate.headers(owner))
        cursor = first.json()["next_cursor"]
        answer = await estate.client.get(f"{API}{path}", params={"limit": 100, "cursor": cursor or "zz"}, headers=estate.headers(thief))
        shown = {one["id"] for one in first.json()["items"]}
        if answer.status_code not in (200, 400, 422) or any(one["id"] in shown for one in answer.json().get("items", [])):
            wrong.append(f"{path}: {answer.status_code} {answer.text[:200]}")
    return wrong


