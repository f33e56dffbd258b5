"""S12: one of two replicas has a clock that is two hours off, is set back, or stands still; the database's clock is right."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from unittest import mock
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app import clock
from app.security import keys, otp, tokens
from app.settings import Settings
from tests.support.newcomer import API, Caller, Refused, World, county_of, picture
from tests.support.service import PASSWORD
from tests.trust.plugin import Measure
from tests.trust.rig.fakeclock import Unequal, WrongClock

TWO_HOURS = 7200
TROUBLES: dict[str, Callable[[WrongClock], None]] = {
    "two hours fast": lambda replica: replica.shift(TWO_HOURS), "set back to right": lambda replica: replica.right(),
    "two hours slow": lambda replica: replica.shift(-TWO_HOURS), "stands still": lambda replica: replica.freeze(),
}
NOTICED_SECONDS = 5.0
LINK_SECONDS = 15 * 60
STILL_SECONDS = 30.0  # until a clock that stands still is so much behind


@contextmanager
def unequal(*, believing: bool = False) -> Iterator[Unequal]:
    site = Unequal(believing=believing)
    try:
        site.start()
        yield site
        site.stop()
    finally:
        site.remove()


@dataclass
class Scene:
    """A county, its people at the replica with the right time (`world`) and at the other (`at`), and the owner of the database."""

    site: Unequal
    world: World
    far: httpx.AsyncClient
    owner: asyncpg.Connection
    ring: keys.KeyRing
    rider: Caller
    reward: str
    secret: bytes = b""

    def at(self, who: Caller) -> Caller:
        return replace(who, http=self.far)

    async def second(self) -> float:
        return float(await self.owner.fetchval("select extract(epoch from clock_timestamp())::float8"))

    async def token(self, lives: float) -> dict[str, str]:
        """The rider's headers with an access token that ends in so many seconds of the database's clock."""
        middle = self.rider.tokens["access_token"].split(".")[1]
        session_id = UUID(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))["sid"])
        issued = datetime.fromtimestamp(await self.second() + lives, UTC) - tokens.LIFETIME
        with mock.patch.object(clock, "now", return_value=issued):
            made = tokens.issue(
                self.ring.secret, issuer=tokens.issuer("development"), account_id=UUID(self.rider.id), session_id=session_id
            )
        return {"Authorization": f"Bearer {made}"}

    async def order(self, who: Caller, left: timedelta | None = None) -> dict[str, str]:
        made = await who.orders(self.reward)
        if left is not None:
            await self.owner.execute("update redemption set expires_at = clock_timestamp() + $2 where id = $1", UUID(made["id"]), left)
        return made

    async def verify(self, clerk: Caller, *, code: str | None = None, token: str | None = None) -> int:
        body = {"store_id": self.world.store_id} | ({"code": code} if code else {"token": token})
        return (await clerk.post("/redemptions/verify", body)).status_code


@asynccontextmanager
async def scene_of(site: Unequal) -> AsyncIterator[Scene]:
    async with county_of(site.first) as world, httpx.AsyncClient(base_url=site.second.url, timeout=30) as far:
        owner = await asyncpg.connect(site.first.database_url)
        try:
            ring = keys.load(Settings(data_dir=site.data, demo=False))
            rider, reward = await world.rider(points=1000), (await world.reward())["id"]
            scene = Scene(site, world, far, owner, ring, rider, reward)
            enrolled = (await world.chief.send("POST", "/auth/otp")).json()
            secret = enrolled["secret"]
            scene.secret = base64.b32decode(secret + "=" * (-len(secret) % 8))
            code = otp.code_at(scene.secret, int(await scene.second()) // otp.STEP_SECONDS)
            confirmed = await world.chief.send("POST", "/auth/otp/confirm", {"otp": code})
            assert confirmed.status_code == 200, confirmed.text
            yield scene
        finally:
            await owner.close()


async def readiness(scene: Scene, *, near: bool = False) -> tuple[int, str]:
    answer = await (scene.world.http if near else scene.far).get("/health/ready")
    return answer.status_code, answer.json()["parts"].get("clock", "")


async def until_it_says(scene: Scene, wanted: tuple[int, str], seconds: float) -> float:
    began = time.monotonic()
    while (said := await readiness(scene)) != wanted:
        assert time.monotonic() - began < seconds, said
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def access_tokens(scene: Scene) -> AsyncIterator[str]:
    rider, far = scene.rider, scene.at(scene.rider)
    for what, lives, wanted in (("with a minute left", 60, 200), ("of a minute ago", -60, 401)):
        answer = await scene.far.get(f"{API}/members/me", headers=await scene.token(lives))
        if answer.status_code != wanted:
            yield f"access token {what}: {answer.status_code}"
    renewed = await scene.far.post(f"{API}/auth/refresh", json={"refresh_token": rider.tokens["refresh_token"]})
    if renewed.status_code != 200:
        yield f"refresh: {renewed.status_code}"
        return
    rider.tokens = far.tokens = renewed.json()
    for where, who in (("there", far), ("at the other replica", rider)):
        if (status := (await who.send("GET", "/members/me")).status_code) != 200:
            yield f"access token that it gave, {where}: {status}"


async def codes(scene: Scene) -> AsyncIterator[str]:
    """Typed codes and tickets of orders, placed and verified here and there."""
    rider, clerk = scene.rider, scene.world.clerks[0]
    far, far_clerk = scene.at(rider), scene.at(clerk)
    for what, left, wanted in (("with an hour left", timedelta(hours=1), 200), ("over for a minute", timedelta(minutes=-1), 410)):
        if (status := await scene.verify(far_clerk, code=(await scene.order(rider, left))["code"])) != wanted:
            yield f"code {what}: {status}"
    here, there = await scene.order(rider), await scene.order(far)
    if here["expires_at"] != there["expires_at"]:
        yield f"an order placed there ends at {there['expires_at']}"
    if (status := await scene.verify(clerk, code=there["code"])) != 200:
        yield f"code of an order placed there: {status}"
    ticket = (await far.send("GET", f"/redemptions/{here['id']}/ticket")).json()
    if (status := await scene.verify(clerk, token=ticket["token"])) != 200:
        yield f"ticket shown there: {status}"
    ticket = (await rider.send("GET", f"/redemptions/{(await scene.order(rider))['id']}/ticket")).json()
    if (status := await scene.verify(far_clerk, token=ticket["token"])) != 200:
        yield f"ticket read there: {status}"


async def second_factor(scene: Scene) -> AsyncIterator[str]:
    """The code of now is taken once, wherever; that of the wrong clock never."""
    await scene.owner.execute("update otp_factor set last_step = 0")
    await scene.owner.execute("delete from throttle_hit")
    step = int(await scene.second()) // otp.STEP_SECONDS
    for what, where, code, wanted in (
        ("two hours ahead", scene.far, step + TWO_HOURS // otp.STEP_SECONDS, 401),
        ("two hours ago", scene.far, step - TWO_HOURS // otp.STEP_SECONDS, 401), ("of now", scene.far, step, 200),
        ("used a moment ago", scene.far, step, 401), ("used there", scene.world.http, step, 401),
    ):
        asked = {"username": "chief", "password": PASSWORD, "otp": otp.code_at(scene.secret, code)}
        if (status := (await where.post(f"{API}/auth/password", json=asked)).status_code) != wanted:
            yield f"one-time code {what}: {status}"


async def links(scene: Scene) -> AsyncIterator[str]:
    """The signed address of a photo that comes in there lives by the same clock as everywhere."""
    far = scene.at(scene.rider)
    headers = far.headers | {"Idempotency-Key": uuid4().hex}
    answer = await far.http.post(f"{API}/uploads", files={"file": ("photo.jpg", picture(), "image/jpeg")}, headers=headers)
    if answer.status_code != 201:
        yield f"upload: {answer.status_code}"
        return
    url = urlsplit(answer.json()["view_url"])
    left = int(parse_qs(url.query)["e"][0]) - await scene.second()
    if not 0 < left <= LINK_SECONDS:
        yield f"a link signed there ends in {left:.0f} s"
    if (status := (await scene.world.http.get(f"{url.path}?{url.query}")).status_code) != 200:
        yield f"link signed there: {status}"


async def wrong(scene: Scene) -> list[str]:
    """What the replica decided by its own clock."""
    found = []
    for look in (access_tokens, codes, second_factor, links):
        try:
            found += [one async for one in look(scene)]
        except Refused as refused:
            found.append(f"{look.__name__}: {refused}")
    return found


@pytest.mark.check("S12", tier="N")
async def test_the_databases_clock_decides(measured: Measure) -> None:
    with unequal() as site:
        async with scene_of(site) as scene:
            assert await wrong(scene) == [], "with the right time everywhere"
            for name, cause in TROUBLES.items():
                good = name == "set back to right"
                cause(site.second)
                at_once = await wrong(scene)  # in the very second of the jump
                seconds = await until_it_says(
                    scene, (200, "ok") if good else (503, "skewed"), NOTICED_SECONDS + (STILL_SECONDS + 5 if name == "stands still" else 0)
                )
                measured(f"{name}: said after", round(seconds, 1), "s")
                found = at_once + await wrong(scene)
                measured(f"{name}: wrong decisions", len(found))
                assert found == [], name
                assert await readiness(scene, near=True) == (200, "ok")
            site.second.right()
            measured("ready again after", round(await until_it_says(scene, (200, "ok"), NOTICED_SECONDS), 1), "s")


@pytest.mark.variant("S12")
@pytest.mark.parametrize("seconds", [TWO_HOURS, -TWO_HOURS], ids=["fast", "slow"])
async def test_variant_a_build_that_believes_its_machine_is_found(seconds: int) -> None:
    with unequal(believing=True) as site:
        async with scene_of(site) as scene:
            assert await wrong(scene) == []
            site.second.shift(seconds)
            found = await wrong(scene)
    assert any("access token" in one for one in found) and len(found) > 2, found
