"""Every operation of the OpenAPI document as a request about the estate: path values, parameters and a body that is right in shape."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from app import clock
from tests.access.estate import API, Estate, last_month
from tests.support.canaries import last_quarter
from tests.support.every_call import Call, calls
from tests.support.newcomer import picture

PHOTO, SELF = "$photo", "$self"  # the caller's own, put in when it is sent
IDENTITY = "$identity"  # what the rider's phone shows at that moment
WEB = "1"  # what a value of no meaning is
PICTURE = ("p.jpg", picture(), "image/jpeg")
LIST = ("list.csv", "姓名,手机号\n王小明,13800138000\n".encode(), "text/csv")


class Required(Mapping[str, Sequence[Any]]):
    """Values of those parameters that are asked for; none for the optional ones, so that each operation is one call."""

    def __init__(self, known: Mapping[str, Sequence[Any]]) -> None:
        self.known = known

    def __getitem__(self, name: str) -> Sequence[Any]:
        return self.known.get(name, [])

    def __contains__(self, name: object) -> bool:
        return name in self.known or " " not in str(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)


@dataclass(frozen=True)
class Request:
    """`name` is `METHOD /path template` without the base path."""

    name: str
    call: Call

    @property
    def method(self) -> str:
        return self.call.method

    async def send(self, estate: Estate, who: str) -> httpx.Response:
        person = estate.cast[who]
        headers = estate.headers(who)
        if self.method == "POST":
            headers["Idempotency-Key"] = uuid4().hex
        told: dict[str, Any] = {}
        if self.call.file:
            told["files"] = {"file": PICTURE if self.name == "POST /uploads" else LIST}
        elif self.call.body is not None:
            text = json.dumps(self.call.body).replace(PHOTO, estate.photos.get(who, str(uuid4())))
            if IDENTITY in text:
                text = text.replace(IDENTITY, await estate.identity())
            told["content"] = text.replace(SELF, str(person.id) if person else str(uuid4()))
            headers["content-type"] = "application/json"
        return await estate.client.request(self.method, self.call.path, params=self.call.query, headers=headers, **told)


def requests(estate: Estate, document: dict[str, Any]) -> list[Request]:
    found = []
    for call in calls(document, path_values=_paths(estate), query_values=_queries(estate), body_values=_fields(estate)):
        name = f"{call.method} {call.template.removeprefix(API)}"
        body = _bodies(estate).get(name, call.body)
        found.append(Request(name, Call(call.method, call.template, call.path, call.query, body, call.file)))
    return found


def _paths(estate: Estate) -> dict[str, Sequence[Any]]:
    ids, (year, quarter) = estate.ids, last_quarter()
    known: dict[str, Any] = dict(ids) | {
        "area_id": estate.county.community.id, "year": year, "quarter": quarter, "month": f"{last_month():%Y-%m}",
        "day": clock.today().isoformat(), "code": "REPORT_ACCEPTED", "cap_code": "GLOBAL", "rule_code": "place_rounded",
        "category_code": "bin_overflow", "purpose": "location", "policy_code": "privacy", "template_id": "xinxin_report_progress",
        "proposal_id": ids["adjustment"], "invitation_id": ids["organisation_invitation"], "assignment_id": ids["organisation_assignment"],
    }
    shop, settlements, firm = "/stores/{store_id}", "/stores/{store_id}/settlements/{month}", "/enterprises/{enterprise_id}"
    special = {
        f"{shop}/staff/{{grant_id}} grant_id": ids["staff_grant"],
        f"{shop}/invitations/{{invitation_id}} invitation_id": ids["store_invitation"],
        f"{firm}/assignments/{{assignment_id}}/end assignment_id": ids["enterprise_assignment"],
        "/units/{unit_id}/members/{member_id} member_id": ids["unit_member"],
        "/organisations/kinds/{code} code": "branch", "/organisations/formations/{code} code": "joint",
        f"{settlements}/corrections month": f"{clock.today():%Y-%m}",
    }
    for verb in ("approve", "reject"):
        special[f"/points/clawbacks/{{proposal_id}}/{verb} proposal_id"] = ids["clawback"]
        special[f"{settlements}/corrections/{{correction_id}}/{verb} month"] = f"{clock.today():%Y-%m}"
    return {name: [value] for name, value in known.items()} | {API + name: [value] for name, value in special.items()}


def _queries(estate: Estate) -> Required:
    lng, lat = estate.county.spot
    day, area = clock.today().isoformat(), str(estate.county.community.id)
    return Required({
        "area_id": [area], "lng": [lng], "lat": [lat], "zoom": [16], "bbox": ["116.70,35.50,116.80,35.55"], "from": [day], "to": [day],
        "month": [f"{last_month():%Y-%m}"], "q": ["zq"], "signature": [WEB], "timestamp": [WEB], "nonce": [WEB], "e": [WEB], "s": [WEB],
        "stage": ["review"], "by": ["category"],
    })


def _fields(estate: Estate) -> dict[str, Any]:
    ids, community = estate.ids, str(estate.county.community.id)
    return {
        "member_id": ids["member_id"], "account_id": str(estate["checker"].id), "contact_account_id": str(estate.branch.instructor.id),
        "assignee_account_id": ids["assignee_account_id"], "organisation_id": ids["other_organisation"],
        "enterprise_id": ids["enterprise_id"],
        "area_id": community, "work_area_id": community, "scope_id": community, "upload_id": PHOTO, "upload_ids": [PHOTO],
        "store_id": ids["store_id"], "reward_id": ids["reward_id"], "target_id": ids["organisation_id"], "into_id": ids["into_id"],
        "report_id": ids["into_id"], "entry_id": ids["entry_id"], "unit_id": ids["unit_id"], "scene": estate.branch.scene,
        "store_ids": [ids["store_id"]], "keeper_id": str(estate["checker"].id), "organisation_ids": [],
        "parent_id": str(estate.county.street.id),
        "discount_id": ids["discount_id"], "phone": "0537-3412345", "location": estate.county.place(),
        "verification_id": ids["verification_id"],
        "chosen": [ids["member_id"]], "lines": [ids["verification_id"]],
    }


def _bodies(estate: Estate) -> dict[str, Any]:
    """Where the example of the schema does not fit the estate."""
    ids, on = estate.ids, (clock.today() + timedelta(days=7)).isoformat()
    later = (clock.now() + timedelta(days=3)).isoformat()
    till = {"store_id": ids["store_id"], "code": ids["code_of_order"]}
    phone = {"phone": "13755550009"}
    staff = str(estate["instructor@own"].id)
    ended = {"until": clock.today().isoformat()}
    return {
        "POST /organisations/{organisation_id}/covers/{cover_id}/end": ended,
        "POST /organisations/{organisation_id}/assignments/{assignment_id}/end": ended,
        "POST /enterprises/{enterprise_id}/assignments/{assignment_id}/end": ended,
        "POST /redemptions/verify": till, "POST /redemptions/preview": till,
        "POST /reports/{report_id}/suspend": {"reason": "等待配件", "until": later},
        "POST /reports/{report_id}/extend": {"reason": "雨后", "until": later},
        "POST /reports/{report_id}/transfer": {"area_id": str(estate.county.other_community.id), "reason": "位置在另一侧"},
        "POST /auth/grants": phone | {"role": "grid_worker", "scope_type": "area", "scope_id": str(estate.county.community.id)},
        "POST /stores/{store_id}/staff": phone | {"role": "store_clerk"},
        "POST /organisations/{organisation_id}/assignments": {"account_id": str(estate["checker"].id), "role": "liaison"},
        "POST /enterprises/{enterprise_id}/assignments": {"account_id": str(estate["checker"].id), "role": "liaison"},
        "POST /registrations/{registration_id}/approve": {
            "management": "mobile", "contact_account_id": staff, "next_contact_on": on,
        },
        "POST /registrations/{registration_id}/contact-person": {"contact_account_id": staff, "next_contact_on": on},
        "POST /registrations/{registration_id}/contacts": {"note": "已联系", "next_contact_on": on},
        "POST /stores/{store_id}/settlements/{month}/corrections": {"cents": 50, "reason": "补差"},
        "POST /stores/{store_id}/slips/check": {"number": ids["number"], "check_code": ids["slip"]},
        "POST /stores/{store_id}/visits": {"token": IDENTITY, "discount_id": ids["discount_id"]},
        "PUT /registrations/contact-card": {"phone": "none", "real_name": "李书明"},
        "POST /points/awards": {"reason": "核实", "report_id": ids["report_id"], "rule_code": "FALSE_REPORT", "upload_id": PHOTO},
        "POST /points/publicity/{year}-q{quarter}/objections/{objection_id}/answer": {"upheld": False, "note": "属实"},
        "POST /organisations/{organisation_id}/visits": {"on": clock.today().isoformat(), "topics": ["setting_up"], "note": "走访"},
        "POST /enterprises/{enterprise_id}/visits": {"on": clock.today().isoformat(), "topics": ["setting_up"], "note": "走访"},
        "POST /enterprises/{enterprise_id}/headcounts": {"headcount": 92, "on": clock.today().isoformat()},
        "POST /areas": {
            "level": "community", "code": "370899001009", "name": "新社区", "parent_id": str(estate.county.street.id),
        },
        "PATCH /announcements/{announcement_id}": {"title": "高温关爱"},
        "POST /announcements/{announcement_id}/publish": {},
        "POST /units/{unit_id}/members": {"account_id": str(estate["worker@community"].id)},
    }
