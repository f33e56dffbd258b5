"""Hundreds of canaries on a really running service: who they are, what they do, and every place where a word of theirs might be left."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.canaries import Canary, leaks, marked_photo
from tests.support.newcomer import API, SPOT, Caller, World
from tests.support.service import Service

AT_ONCE = 6
LEAVING, STAYING = "甲", "乙"
STEMS = {LEAVING: ("1397755", "1953-02-17", "1999-11-03"), STAYING: ("1397744", "1954-03-18", "1998-10-04")}


@dataclass
class Person:
    group: str
    number: int
    caller: Caller = field(default=None)  # type: ignore[assignment]

    @property
    def phone(self) -> str:
        return f"{STEMS[self.group][0]}{self.number:04d}"

    def word(self, what: str) -> str:
        return f"{what}{self.group}{self.number:04d}"


def stems(group: str) -> list[Canary]:
    """What all words of a group begin with: to look for these is to look for all of them, in every form."""
    phone, joined, away = STEMS[group]
    words = ("禤雀羽", "雀跃昵称", "雀巢县村支部", "雀栏路口", "雀舌巷号", "雀意见", "雀报到备注")
    return [Canary("phone", phone), Canary("joined on", joined), Canary("away since", away), Canary("photo marker", f"XQ77{joined}")] + [
        Canary(word, word + group) for word in words
    ]


class Crowd:
    def __init__(self, world: World, sizes: dict[str, int]) -> None:
        self.world = world
        self.people = [Person(group, number) for group, size in sizes.items() for number in range(size)]
        self.scene, self.reward, self.errors = "", "", list[int]()

    def of(self, group: str) -> list[Person]:
        return [person for person in self.people if person.group == group]

    async def live(self) -> None:
        admin = self.world.admin
        code = await admin.does("POST", "/qrcodes", {"purpose": "registration", "target_id": self.world.organisation_id})
        self.scene, self.reward = code["scene"], (await self.world.reward(points=1))["id"]
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(person: Person) -> None:
            async with gate:
                await self._life(person)

        async with asyncio.TaskGroup() as group:
            for person in self.people:
                group.create_task(one(person))

    async def _life(self, person: Person) -> None:
        consents = ("service", "location", "party_identity", "publicity")
        caller = person.caller = await self.world.person(name=f"canary-{person.phone}", phone=person.phone, consents=consents)
        await caller.does("PATCH", "/members/me", {"nickname": person.word("雀跃昵称")})
        joined, away = STEMS[person.group][1:]
        party = {"home_branch": person.word("雀巢县村支部"), "joined_on": joined, "relation": "elsewhere", "away_since": away}
        await caller.does("POST", "/registrations", {
            "scene": self.scene, "real_name": person.word("禤雀羽"), "occupation": "courier", "political_status": "full_member",
            "work_area_id": self.world.areas["grid"], "employers": [{"name": "闪送站点"}], "party": party,
        })
        photo = await self._photo(person)
        words = {"description": person.word("雀栏路口"), "address": person.word("雀舌巷号")}
        report = await caller.does("POST", "/reports", caller.filing(photo, **words))
        reviewer = self.world.reviewers[person.number % len(self.world.reviewers)]
        await reviewer.does("POST", f"/reports/{report['id']}/accept", {"note": "属实"})
        await caller.does("POST", "/complaints", {"kind": "suggestion", "text": person.word("雀意见")})
        note = {"kind": "member", "note": person.word("雀报到备注")}
        await caller.does("POST", f"/areas/{self.world.areas['community']}/checkins", note)
        await caller.orders(self.reward)
        await self._mistakes(person)
        assert person.word("雀栏路口") in (await caller.send("GET", "/members/me/export")).text

    async def _photo(self, person: Person) -> str:
        file = (f"{person.word('雀舌巷号')}.jpg", marked_photo(f"XQ77{STEMS[person.group][1]}"), "image/jpeg")
        sent = await self.world.http.post(
            f"{API}/uploads", files={"file": file},
            headers=person.caller.headers | {"Idempotency-Key": uuid4().hex},
        )
        assert sent.status_code == 201, sent.text
        return str(sent.json()["id"])

    async def _mistakes(self, person: Person) -> None:
        """Requests that are refused, each with words where words should not stand: errors must not repeat them anywhere.

        Not in an idempotency key: that is kept as the client chose it, for eight days.
        """
        caller, name, phone = person.caller, person.word("禤雀羽"), person.phone
        tries: Sequence[tuple[str, str, Any, dict[str, str]]] = (
            ("POST", f"/reports/{phone}/accept", {"note": name}, {}),
            ("GET", f"/reports?q={phone}&cursor={phone}", None, {}),
            ("POST", "/reports", {"category_code": phone, "description": name, "location": SPOT | {"lng": phone}}, {}),
            ("POST", "/auth/grants", {"phone": phone, "role": name, "scope_type": "area", "scope_id": phone}, {}),
            ("PATCH", "/members/me", {"nickname": name * 40, phone: name}, {"X-Request-ID": f"request-{phone}"}),
            ("POST", "/redemptions/verify", {"store_id": self.world.store_id, "code": phone}, {"User-Agent": f"Phone/{phone}"}),
        )
        for method, path, body, headers in tries:
            answer = await caller.send(method, path, body, headers=headers)
            self.errors.append(answer.status_code)


def hashed(people: Iterable[Person], data: bytes) -> list[str]:
    """Whose number stands there as a digest that anybody could make: a list of all numbers undoes it."""
    folded = data.lower()
    return [
        person.phone for person in people for name in ("sha256", "md5", "sha1")
        if hashlib.new(name, person.phone.encode()).hexdigest().encode() in folded
    ]


def raw(folder: Path, canaries: Sequence[Canary]) -> list[str]:
    """Words in clear in the very files of the database, deleted rows and the log included."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            data = path.read_bytes() if path.is_file() else b""
        except OSError:
            continue
        found += [f"{path.name}: {one.name}" for one in canaries if any(one.value.encode(code) in data for code in ("utf-8", "utf-16-le"))]
    return found


def said(service: Service, folder: Path) -> Iterator[tuple[str, bytes]]:
    """What the processes wrote by the way: their logs, the database's, and whatever else lies in the data folder or is temporary."""
    yield "service log", service.log.read_bytes()
    yield "database log", service.database_log.read_bytes()
    for place in (service.data, folder):
        for path in place.rglob("*"):
            inside = path.relative_to(place).parts
            if path.is_file() and inside[0] not in ("objects", "postgres", "backups"):
                yield f"file {path.name}", path.read_bytes()


def left(places: Iterable[tuple[str, bytes]], canaries: Sequence[Canary]) -> list[str]:
    return [f"{place}: {leak}" for place, data in places for leak in leaks(data, canaries)]
