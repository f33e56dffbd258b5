"""People who use a really started service over HTTP, and a county that is set up as its first administrator would set it up."""

import io
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from tests.support.service import PASSWORD, Service

API = "/api/v1"
PHONES = (f"137{number:08d}" for number in itertools.count(20_000_000))
NAMES = (f"newcomer-{number}" for number in itertools.count(1))
SPOT = {"lng": 116.72, "lat": 35.52, "crs": "gcj02", "accuracy_m": 20}
WEST, EAST, SOUTH, NORTH = 116.70, 116.80, 35.50, 35.55


class Refused(AssertionError):
    """The service said no where a yes was expected."""


@dataclass
class Caller:
    """Somebody who is signed in."""

    http: httpx.AsyncClient
    name: str
    phone: str = ""
    id: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    async def send(self, method: str, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> httpx.Response:
        headers = self.headers | ({"Idempotency-Key": key} if key else {}) | more.pop("headers", {})
        return await self.http.request(method, API + path, json=body, headers=headers, **more)

    async def post(self, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> httpx.Response:
        return await self.send("POST", path, body, key=key or uuid4().hex, **more)

    async def does(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The answer's JSON; raises Refused for anything but 2xx."""
        answer = await (self.post(path, body, **more) if method == "POST" else self.send(method, path, body, **more))
        if not answer.is_success:
            raise Refused(f"{self.name}: {method} {path} → {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    async def sees(self, path: str, **params: Any) -> Any:
        return await self.does("GET", path, params=params)

    async def points(self) -> dict[str, Any]:
        standing: dict[str, Any] = await self.sees("/points/me")
        return standing

    async def photo(self) -> str:
        """Uploads a picture of its own; its id."""
        headers = self.headers | {"Idempotency-Key": uuid4().hex}
        answer = await self.http.post(f"{API}/uploads", files={"file": ("photo.jpg", picture(), "image/jpeg")}, headers=headers)
        if answer.status_code != 201:
            raise Refused(f"{self.name}: upload → {answer.status_code} {answer.text}")
        return str(answer.json()["id"])

    def filing(self, upload_id: str, **changes: Any) -> dict[str, Any]:
        body = {"category_code": "bin_overflow", "description": "垃圾箱满了，路边都是", "location": SPOT, "upload_ids": [upload_id]}
        return body | changes

    async def files(self, **changes: Any) -> dict[str, Any]:
        """Reports an overflowing bin."""
        made: dict[str, Any] = await self.does("POST", "/reports", self.filing(await self.photo(), **changes))
        return made

    async def orders(self, reward_id: str) -> dict[str, Any]:
        made: dict[str, Any] = await self.does("POST", "/redemptions", {"reward_id": reward_id})
        return made


def picture() -> bytes:
    written = io.BytesIO()
    Image.effect_noise((64, 48), 90).convert("RGB").save(written, "JPEG")
    return written.getvalue()


async def wechat_code(service: Service, http: httpx.AsyncClient, person: str, phone: str | None = None) -> str:
    wish = {"person": person, "kind": "phone", "phone": phone} if phone else {"person": person, "kind": "login"}
    minted = await http.post(f"{service.simulator_url}/_simulator/codes", json=wish)
    assert minted.status_code == 200, minted.text
    return str(minted.json()["code"])


async def sign_in(service: Service, http: httpx.AsyncClient, name: str) -> dict[str, Any]:
    answer = await http.post(f"{API}/auth/wechat", json={"code": await wechat_code(service, http, name)})
    assert answer.status_code == 200, answer.text
    signed: dict[str, Any] = answer.json()
    return signed


@dataclass
class World:
    """A county with its staff, one store and one reward."""

    service: Service
    http: httpx.AsyncClient
    chief: Caller = field(default=None)  # type: ignore[assignment]
    admin: Caller = field(default=None)  # type: ignore[assignment]
    second_admin: Caller = field(default=None)  # type: ignore[assignment]
    reviewers: list[Caller] = field(default_factory=list)
    worker: Caller = field(default=None)  # type: ignore[assignment]
    owner: Caller = field(default=None)  # type: ignore[assignment]
    clerks: list[Caller] = field(default_factory=list)
    areas: dict[str, str] = field(default_factory=dict)
    organisation_id: str = ""
    store_id: str = ""
    texts: dict[str, str] = field(default_factory=dict)

    async def person(
        self, *, name: str | None = None, phone: str | None = None, consents: Sequence[str] = ("service", "location")
    ) -> Caller:
        """Signs in with a code of the simulator, binds a number, agrees."""
        name, phone = name or f"{next(NAMES)}-{uuid4().hex[:6]}", phone or next(PHONES)
        tokens = await sign_in(self.service, self.http, name)
        caller = Caller(self.http, name, phone, tokens["account"]["id"], tokens)
        await caller.does("POST", "/members/me/phone", {"code": await wechat_code(self.service, self.http, name, phone)})
        for purpose in consents:
            await self.agree(caller, purpose)
        return caller

    async def agree(self, caller: Caller, purpose: str) -> None:
        if not self.texts:
            listed = await self.http.get(f"{API}/members/consent-texts")
            self.texts = {text["purpose"]: text["version"] for text in listed.json()}
        await caller.does("PUT", f"/members/me/consents/{purpose}", {"version": self.texts[purpose], "granted": True})

    async def staff(self, giver: Caller, role: str, scope_type: str, scope_id: str) -> Caller:
        """A grant by number, which waits until its owner has come and bound it."""
        phone = next(PHONES)
        await giver.does("POST", "/auth/grants", {"phone": phone, "role": role, "scope_type": scope_type, "scope_id": scope_id})
        return await self.person(phone=phone)

    async def reward(self, **changes: Any) -> dict[str, Any]:
        body = {
            "name": "矿泉水一瓶", "kind": "goods", "points": 10, "store_ids": [self.store_id], "valid_days": 30, "settlement_cents": 150,
        }
        made: dict[str, Any] = await self.admin.does("POST", "/rewards", body | changes)
        return made

    async def give(self, member: Caller, amount: int) -> None:
        """Points by hand: proposed by one administrator, approved by another."""
        body = {"member_id": member.id, "amount": amount, "reason": "线下活动补记", "upload_id": await self.admin.photo()}
        proposal = await self.admin.does("POST", "/points/adjustments", body)
        await self.second_admin.does("POST", f"/points/adjustments/{proposal['id']}/approve")

    async def rider(self, points: int = 0) -> Caller:
        caller = await self.person()
        if points:
            await self.give(caller, points)
        return caller


@asynccontextmanager
async def visiting(service: Service, transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[World]:
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5)
    async with httpx.AsyncClient(base_url=service.url, timeout=30, limits=limits, transport=transport) as http:
        yield World(service, http)


@asynccontextmanager
async def county_of(service: Service, transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[World]:
    """The service with a county in it, set up from nothing. `transport`: how its people reach it, where that is not the usual way."""
    async with visiting(service, transport) as world:
        await _administration(world)
        await _places(world)
        await _people(world)
        yield world


_WORLDS: dict[int, World] = {}


@pytest.fixture(scope="session")
async def world(service: Service) -> AsyncIterator[World]:
    """For conftest.py files to import. Folders that share the service share its county: the first makes it, session's end closes it."""
    if id(service) in _WORLDS:
        yield _WORLDS[id(service)]
        return
    async with county_of(service) as made:
        _WORLDS[id(service)] = made
        yield made
        del _WORLDS[id(service)]


async def _administration(world: World) -> None:
    made = world.service.manage("create-admin", "chief")
    assert made.returncode == 0, made.stdout
    signed = await world.http.post(f"{API}/auth/password", json={"username": "chief", "password": PASSWORD})
    assert signed.status_code == 200, signed.text
    world.chief = Caller(world.http, "chief", id=signed.json()["account"]["id"], tokens=signed.json())
    # One administrator gives points for every test of a session: without a limit on the maker.
    await world.chief.does("PUT", "/points/caps/ADJUSTMENT_PER_MAKER", {"per_day": None, "per_month": None, "per_year": None})


async def _places(world: World) -> None:
    box = [[WEST, SOUTH], [EAST, SOUTH], [EAST, NORTH], [WEST, NORTH], [WEST, SOUTH]]
    parent: str | None = None
    who = world.chief
    for level, code, name in (
        ("county", "370899", "测试县"), ("street", "370899001", "测试街道"), ("community", "370899001001", "东风社区"),
        ("grid", "370899001001001", "第一网格"),
    ):
        body = {"parent_id": parent, "level": level, "code": code, "name": name, "boundary": {"type": "Polygon", "coordinates": [box]}}
        parent = world.areas[level] = (await who.does("POST", "/areas", body))["id"]
        if level == "county":
            world.admin = who = await world.staff(world.chief, "area_admin", "area", str(parent))
            world.second_admin = await world.staff(world.chief, "area_admin", "area", str(parent))
    organisation = {"name": "快递行业党支部", "kind": "branch", "formation": "trade", "area_id": world.areas["county"]}
    world.organisation_id = (await world.admin.does("POST", "/organisations", organisation))["id"]
    store = {
        "name": "文化路便利店", "area_id": world.areas["community"], "location": SPOT, "address": "文化路 1 号", "phone": "0537-3412345",
        "hours": "08:00-22:00",
    }
    world.store_id = (await world.admin.does("POST", "/stores", store))["id"]


async def _people(world: World) -> None:
    community, grid = world.areas["community"], world.areas["grid"]
    world.reviewers = [await world.staff(world.admin, "reviewer", "area", community) for _ in range(3)]
    world.worker = await world.staff(world.admin, "grid_worker", "area", grid)
    world.owner = await _shop_staff(world, world.admin, "store_owner")
    world.clerks = [await _shop_staff(world, world.owner, "store_clerk") for _ in range(3)]


async def _shop_staff(world: World, giver: Caller, role: str) -> Caller:
    phone = next(PHONES)
    await giver.does("POST", f"/stores/{world.store_id}/staff", {"phone": phone, "role": role})
    return await world.person(phone=phone)
