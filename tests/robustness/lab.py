"""Sends requests as somebody who may do nearly everything, in a county where there is something of everything."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import httpx

from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import catalogue
from app.uploads.models import Upload
from tests.robustness.nasty import Operation, operations, with_ids
from tests.support.county import County
from tests.support.people import People, Person

API = "/api/v1"
PAGES = "/p/"  # what a browser opens: a refusal is a page there
GRANTS = (Role.AREA_ADMIN, Role.REVIEWER, Role.GRID_WORKER)


@dataclass
class Lab:
    """Sends requests, and keeps what went wrong with them."""

    client: httpx.AsyncClient
    session: AsyncSession
    people: People
    county: County
    document: dict[str, Any]
    known: dict[str, str] = field(default_factory=dict)
    usual: Person | None = None
    sent: int = 0
    wrong: list[str] = field(default_factory=list)

    async def caller_of(self, operation: Operation) -> Person:
        """A person of its own for what may end a session or an account."""
        if operation.path.startswith((f"{API}/auth", f"{API}/members")) or operation.method == "DELETE":
            return await self.caller()
        self.usual = self.usual or await self.caller()
        return self.usual

    async def caller(self) -> Person:
        """A fresh person with every right over the county."""
        area = self.county.root.id
        grants: list[tuple[Role, ScopeType, UUID | None]] = [(role, ScopeType.AREA, area) for role in GRANTS]
        grants.append((Role.PLATFORM_ADMIN, ScopeType.PLATFORM, None))
        for role, scope, name in (
            (Role.STORE_OWNER, ScopeType.STORE, "store_id"), (Role.ORG_SECRETARY, ScopeType.ORGANISATION, "organisation_id"),
            (Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, "enterprise_id"),
        ):
            if name in self.known:
                grants.append((role, scope, UUID(self.known[name])))
        consents = ("service", "location", "party_identity", "employer_statement", "publicity")
        return await self.people.member(consents=consents, grants=grants, stepped_up=True)

    def operations(self) -> list[Operation]:
        return list(operations(self.document))

    def path_of(self, operation: Operation) -> str:
        path = operation.path
        for name, value in self.known.items():
            path = path.replace("{" + name + "}", value)
        for blank in ("month", "year", "quarter"):
            path = path.replace("{" + blank + "}", {"month": "2026-11", "year": "2026", "quarter": "1"}[blank])
        while "{" in path:
            start, end = path.index("{"), path.index("}")
            path = path[:start] + str(uuid4()) + path[end + 1 :]
        return path

    async def send(
        self, operation: Operation, what: str, *, url: str, content: bytes | None, headers: dict[str, str]
    ) -> httpx.Response | None:
        """One request; anything but an answer below 500, with a problem document where it is a refusal, is noted."""
        self.sent += 1
        try:
            answer = await self.client.request(operation.method, url, content=content, headers=headers)
        except Exception as error:
            self.wrong.append(f"{operation.name} [{what}]: raised {type(error).__name__}: {str(error)[:300]}")
            return None
        fault = fault_of(answer)
        if fault:
            self.wrong.append(f"{operation.name} [{what}]: {fault}")
        return answer

    async def lists_answer(self) -> None:
        """Every list and every other GET that needs no id still answers 200; one of a thing that exists does, or says why not."""
        caller = await self.caller()
        for operation in self.operations():
            if operation.method != "GET" or operation.path in ("/metrics", "/wechat/push"):
                continue
            query = {name: value for name, value in with_ids(operation.query, self.known).items() if value is not None}
            answer = await self.client.get(self.path_of(operation), params=query, headers=caller.headers)
            if answer.status_code != 200 and ("{" not in operation.path or answer.status_code >= 500):
                self.wrong.append(f"afterwards GET {operation.path}: {answer.status_code} {answer.text[:300]}")

    def verdict(self) -> None:
        assert not self.wrong, f"{len(self.wrong)} of {self.sent}:\n" + "\n".join(self.wrong[:60])


def fault_of(answer: httpx.Response) -> str:
    if answer.status_code >= 500:
        return f"{answer.status_code} {answer.text[:300]}"
    if "x-request-id" not in answer.headers:
        return "no X-Request-ID"
    if answer.status_code < 400:
        return ""
    if answer.request.url.path.startswith(PAGES) and answer.headers.get("content-type") == "text/html; charset=utf-8":
        return ""
    if answer.headers.get("content-type") != "application/problem+json":
        return f"{answer.status_code} as {answer.headers.get('content-type')}"
    told = answer.json()
    if told["code"] not in codes() or told["status"] != answer.status_code or told["request_id"] != answer.headers["x-request-id"]:
        return f"odd problem {answer.text[:300]}"
    return f"{len(answer.content)} bytes of problem" if len(answer.content) > 8_000 else ""


@cache
def codes() -> frozenset[str]:
    """Of every refusal: the application is loaded by the time that one is told."""
    return frozenset(error.code for error in catalogue())


async def furnish(lab: Lab) -> None:
    """One of each: store, reward, organisation, enterprise, photo, report, order; their ids by the names that paths and bodies use."""
    root, place = str(lab.county.root.id), lab.county.place()
    lab.known |= {"area_id": root, "work_area_id": root, "parent_id": root, "code": "REPORT_ACCEPTED", "category_code": "bin_overflow"}
    admin = await lab.caller()

    async def made(path: str, body: dict[str, Any], name: str, who: Person = admin) -> None:
        answer = await lab.client.post(API + path, json=body, headers=who.headers | {"Idempotency-Key": uuid4().hex})
        assert answer.status_code == 201, f"{path}: {answer.text}"
        lab.known[name] = answer.json()["id"]

    await made(
        "/stores", {"name": "店", "area_id": root, "location": place, "address": "路", "phone": "0537-3412345", "hours": "08:00-22:00"},
        "store_id",
    )
    lab.known["store_ids"] = lab.known["store_id"]
    reward = {"name": "水", "kind": "goods", "points": 1, "store_ids": [lab.known["store_id"]], "valid_days": 9, "settlement_cents": 1}
    await made("/rewards", reward, "reward_id")
    discount = {"title": "九折", "terms": "凭码", "starts_on": "2026-01-01"}
    await made(f"/stores/{lab.known['store_id']}/discounts", discount, "discount_id")
    await made("/organisations", {"name": "支部", "kind": "branch", "formation": "trade", "area_id": root}, "organisation_id")
    await made("/enterprises", {"name": "企业", "uscc": "91370812MA3C4D5E69", "kind": "depot", "area_id": root}, "enterprise_id")
    rider = await lab.caller()
    lab.known |= {"member_id": str(rider.id), "account_id": str(rider.id), "assignee_account_id": str(rider.id)}
    report = {"category_code": "bin_overflow", "description": "满了", "location": place, "upload_ids": [await _photo(lab, rider)]}
    await made("/reports", report, "report_id", rider)
    lab.known["upload_id"] = lab.known["upload_ids"] = await _photo(lab, rider)


async def _photo(lab: Lab, who: Person) -> str:
    upload = Upload(
        member_id=who.id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=100, height=100, size_bytes=1000
    )
    lab.session.add(upload)
    await lab.session.flush()
    return str(upload.id)
