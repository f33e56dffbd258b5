"""What is measured is prepared here, through the API, before the clock starts: photos, reports, orders, and who sends what."""

import asyncio
import base64
import io
import itertools
import json
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from PIL import Image

from app.bench import load, operations
from app.bench.load import Request
from app.bench.operations import API
from app.bench.script import Given
from app.bench.sites import Site
from app.demo import people, plan
from app.demo.generating import members

LINES = 8
FRESH_SECONDS = 300.0  # a token lives for 900, and a measurement with it may last some time
BOUNDARY = "bench-photo"
CATEGORY = "road_hole"
PRICE, POOL, DAYS = 1, 100_000, 30  # an order costs one point, so that it always takes from one lot
HUGE_BYTES, HUGE_SIZE = 2_000_000, (4_000, 3_000)
COMMUNITIES = plan.of_level("community")


@dataclass(frozen=True, slots=True)
class Item:
    """One request to come, by whom, and what a playing of its statements has to be given beside who it is and the key."""

    who: str
    method: str
    path: str
    body: Any = None
    photo: bytes | None = None
    status: int = 200
    given: Given = field(default_factory=dict)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    def request(self, url: str, token: str, path: str | None = None) -> Request:
        """`path` stands for our own where somebody else is asked."""
        content = None if self.photo is None else (f"multipart/form-data; boundary={BOUNDARY}", _multipart(self.photo))
        key = None if self.method == "GET" or not token else self.key
        return load.request(
            url, self.method, path or API + self.path, token=token, body=self.body, key=key, status=self.status, content=content
        )


def _multipart(photo: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    return head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()


class World:
    """The people of a site, signed in, and the things that are made for them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.riders = [members.person(number) for number in range(site.members)]
        self.shops = sorted((plan.stores()[number] for number in plan.water().stores), key=lambda shop: shop.name)
        self.chance = random.Random("bench")
        self._tokens: dict[str, tuple[float, str, str]] = {}
        self._turns: dict[str, int] = {}

    async def sign_in(self, names: Sequence[str]) -> None:
        """Those whose token is not fresh."""
        old = time.monotonic() - FRESH_SECONDS
        asked = sorted({name for name in names if name not in self._tokens or self._tokens[name][0] < old})
        rooms = [asked[start::LINES] for start in range(LINES)]
        await asyncio.gather(*(self._enter(room) for room in rooms if room))

    async def _enter(self, names: Sequence[str]) -> None:
        wanted = [
            load.request(self.site.simulator, "POST", "/_simulator/codes", token="", body={"person": name, "kind": "login"})
            for name in names
        ]
        codes = [json.loads(body)["code"] for body in await load.answers(self.site.simulator, wanted)]
        entries = [load.request(self.site.url, "POST", f"{API}/auth/wechat", token="", body={"code": code}) for code in codes]
        for name, body in zip(names, await load.answers(self.site.url, entries), strict=True):
            told = json.loads(body)
            self._tokens[name] = time.monotonic(), told["access_token"], told["refresh_token"]

    def token(self, name: str) -> str:
        return self._tokens[name][1]

    def refresh_token(self, name: str) -> str:
        """Good for one use: whoever takes it must sign in again."""
        return self._tokens.pop(name)[2]

    def given(self, item: Item) -> Given:
        """What a playing is given of this item."""
        part = self.token(item.who).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return {"account": UUID(claims["sub"]), "session": UUID(claims["sid"]), "key": item.key, **item.given}

    def turns(self, names: Sequence[str], count: int, what: str) -> list[str]:
        """The next of them, each in turn, so that the work is spread over all."""
        start = self._turns.get(what, 0)
        self._turns[what] = start + count
        return [names[(start + number) % len(names)] for number in range(count)]

    async def ask(self, items: Sequence[Item]) -> list[Any]:
        """The answers, in order. Raises Refused."""
        await self.sign_in([one.who for one in items])
        rooms = [items[start::LINES] for start in range(LINES)]
        told = await asyncio.gather(*(
            load.answers(self.site.url, [one.request(self.site.url, self.token(one.who)) for one in room]) for room in rooms if room
        ))
        return [json.loads(told[number % LINES][number // LINES]) for number in range(len(items))]

    async def photos(self, count: int) -> list[Item]:
        names = self.turns(self.riders, count, "photo")
        return [Item(who, "POST", "/uploads", photo=small_photo(self.chance), status=201) for who in names]

    async def huge_photos(self, count: int) -> list[Item]:
        photo = huge_photo()
        return [Item(who, "POST", "/uploads", photo=photo, status=201) for who in self.turns(self.riders, count, "huge")]

    async def filings(self, count: int) -> list[Item]:
        """Reports all over the county, whose photos are there."""
        photos = await self.photos(count)
        uploads = await self.ask(photos)
        return [self._filing(photo.who, upload["id"], number) for number, (photo, upload) in enumerate(zip(photos, uploads, strict=True))]

    def _filing(self, who: str, upload: str, number: int) -> Item:
        west, south, east, north = COMMUNITIES[number % len(COMMUNITIES)].box
        lng, lat = round(self.chance.uniform(west, east), 6), round(self.chance.uniform(south, north), 6)
        body = {
            "category_code": CATEGORY, "description": "路面有坑，骑车经过很危险", "upload_ids": [upload],
            "location": {"lng": lng, "lat": lat, "crs": "gcj02"}, "address": plan.COUNTY_NAME,
        }
        return Item(who, "POST", "/reports", body=body, status=201, given={"upload": UUID(upload), "lng": lng, "lat": lat})

    async def acceptances(self, count: int) -> list[Item]:
        """Of reports that wait for the reviewers of their communities."""
        filings = await self.filings(count)
        filed = await self.ask(filings)
        return [
            Item(
                people.reviewer(COMMUNITIES[number % len(COMMUNITIES)]), "POST", f"/reports/{report['id']}/accept", body={},
                given={"report": UUID(report["id"])},
            )
            for number, report in enumerate(filed)
        ]

    async def orders(self, count: int) -> list[Item]:
        reward, _, buyers = await self._market()
        body = {"reward_id": reward, "quantity": 1}
        return [Item(who, "POST", "/redemptions", body=body, status=201) for who in self.turns(buyers, count, "order")]

    async def verifications(self, count: int) -> list[Item]:
        """Of orders that were placed for it, at several tills."""
        _, stores, _ = await self._market()
        placed = await self.ask(await self.orders(count))
        tills = [(people.clerk(shop), store) for shop, store in zip(self.shops, stores, strict=True)]
        indexes = await self._indexes([one["id"] for one in placed])
        return [
            Item(
                clerk, "POST", "/redemptions/verify", body={"store_id": store, "code": one["code"]},
                given={"index": indexes[one["id"]], "store": UUID(store)},
            )
            for (clerk, store), one in zip(itertools.cycle(tills), placed, strict=False)
        ]

    async def refreshes(self, count: int) -> list[Item]:
        """Each begins a chain: what it is answered is the next one's token."""
        names, tokens = self.turns(self.riders, count, "refresh"), []
        for start in range(0, count, len(self.riders)):  # whoever has more than one turn signs in for each
            chosen = names[start : start + len(self.riders)]
            await self.sign_in(chosen)
            tokens += [self.refresh_token(name) for name in chosen]
        return [Item(name, "POST", "/auth/refresh", body={"refresh_token": token}) for name, token in zip(names, tokens, strict=True)]

    async def _market(self) -> tuple[str, list[str], list[str]]:
        """A reward without limits for a member, the stores that hand it out, and members who have points."""
        if not hasattr(self, "_made"):
            stores = [str(one) for one in await self.column("select id from store where name = any($1) order by name", self._names())]
            asked = {
                "name": "测速：一杯热水", "kind": "goods", "points": PRICE, "stock": POOL, "store_ids": stores, "valid_days": DAYS,
                "settlement_cents": 100,
            }
            [reward] = await self.ask([Item(operations.HEAD, "POST", "/rewards", body=asked, status=201)])
            self._made = reward["id"], stores, await self._buyers()
        return self._made

    def _names(self) -> list[str]:
        return [shop.name for shop in self.shops]

    async def _buyers(self) -> list[str]:
        """The better half of those who have any, and all who have as much."""
        told = [one["available"] for one in await self.ask([Item(who, "GET", "/points/me") for who in self.riders])]
        least = sorted(told)[len(told) // 2]
        return [who for who, available in zip(self.riders, told, strict=True) if available >= max(least, PRICE)]

    async def _indexes(self, orders: Sequence[str]) -> dict[str, bytes]:
        rows = await self.rows("select id::text, code_index from redemption where id::text = any($1)", list(orders))
        return {row[0]: row[1] for row in rows}

    async def column(self, statement: str, *arguments: Any) -> list[Any]:
        return [row[0] for row in await self.rows(statement, *arguments)]

    async def rows(self, statement: str, *arguments: Any) -> list[Any]:
        connection = await asyncpg.connect(self.site.database)
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()


def small_photo(chance: random.Random) -> bytes:
    """No two look alike: what looks alike is doubted."""
    return _jpeg(Image.frombytes("RGB", (16, 12), chance.randbytes(16 * 12 * 3)).resize((160, 120)), 80)


def huge_photo() -> bytes:
    """As many pixels as a phone's, and about two megabytes of them."""
    chance = random.Random("huge")
    width, height = HUGE_SIZE[0] // 4, HUGE_SIZE[1] // 4
    image = Image.frombytes("RGB", (width, height), chance.randbytes(width * height * 3)).resize(HUGE_SIZE)
    return min((_jpeg(image, quality) for quality in range(5, 60, 6)), key=lambda data: abs(len(data) - HUGE_BYTES))


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
