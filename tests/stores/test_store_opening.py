"""What a store shows of itself: category, photos, special days, its state now, a pause; and what of it its owner changes."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from sqlmodel import col

from app import clock
from app.db.session import AsyncSession
from app.stores import queries
from app.stores.models import Store
from app.stores.schemas import StorePatch
from app.uploads.models import Checked, Upload
from tests.stores.shopkeeping import API, Keeping, keeping
from tests.support.county import County
from tests.support.people import People, Person

TODAY, DAY = clock.today(), timedelta(days=1)
SHUT = [{"from": str(TODAY - DAY), "to": str(TODAY + DAY), "closed": True}]


@pytest.fixture
async def shop(client: httpx.AsyncClient, people: People, county: County) -> Keeping:
    return await keeping(client, people, county)


async def judge(session: AsyncSession, upload_id: str, checked: Checked) -> None:
    await session.exec(sa.update(Upload).where(col(Upload.id) == UUID(upload_id)).values(checked=checked))
    await session.flush()


async def test_an_owner_keeps_the_store_up_to_date_and_nothing_more(shop: Keeping) -> None:
    assert shop.owner and shop.clerk
    mine: dict[str, Any] = {
        "phone": "0537-3419999", "hours": "06:00-23:00", "paused": True, "paused_until": str(TODAY), "pause_note": "盘点",
        "special_days": SHUT, "upload_ids": [],
    }
    assert (await shop.seen(shop.owner))["allowed"] == ["update", "staff"]
    for who in (shop.clerk, shop.rider):
        assert (await shop.patch(who, {"phone": "0537-3419999"})).status_code == 403
    for field, value in {"name": "我的店", "address": "别处", "category": "other", "location": shop.county.place()}.items():
        refused = await shop.patch(shop.owner, {"phone": "0537-3419999", field: value})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), field
    assert (await shop.patch(shop.owner, {"confirm_above_points": None})).status_code == 403
    changed = await shop.patch(shop.owner, mine)
    assert changed.status_code == 200, changed.text
    assert (changed.json()["phone"], changed.json()["pause_note"], changed.json()["name"]) == ("0537-3419999", "盘点", "东风便利店")


async def test_photos_are_everybodys_once_they_have_passed(shop: Keeping, session: AsyncSession) -> None:
    assert shop.owner
    mine, other = await shop.photo(shop.owner), await shop.photo(shop.admin)
    assert (await shop.patch(shop.owner, {"upload_ids": [mine, other]})).status_code == 404
    assert (await shop.patch(shop.owner, {"upload_ids": [mine, mine]})).status_code == 422
    shown = (await shop.patch(shop.owner, {"upload_ids": [mine]})).json()["photos"]
    assert [photo["id"] for photo in shown] == [mine] and set(shown[0]) >= {"url", "view_url", "thumb_url", "width", "height"}
    assert await photos(shop, shop.rider) == [] and await photos(shop, shop.admin) == [mine]
    assert await opened(shop, shop.rider, mine) == 404 and await opened(shop, shop.admin, mine) == 200
    await judge(session, mine, Checked.PASS)
    assert await photos(shop, shop.rider) == [mine] and await opened(shop, shop.rider, mine) == 200
    # An administrator adds to what the owner has put there, in an order of the own, and answers for what WeChat left to people.
    await judge(session, other, Checked.REVIEW)
    assert (await shop.patch(shop.admin, {"upload_ids": [other, mine]})).status_code == 200
    assert await photos(shop, shop.rider) == [other, mine]
    await judge(session, other, Checked.RISKY)
    assert (await shop.patch(shop.admin, {"upload_ids": [other, mine]})).status_code == 200
    assert await photos(shop, shop.rider) == [mine] and await opened(shop, shop.rider, other) == 404
    another = await shop.open()
    taken = await shop.client.patch(f"{API}/{another}", headers=shop.admin.headers, json={"upload_ids": [other]})
    assert (taken.status_code, taken.json()["code"]) == (409, "upload_already_used")
    assert (await shop.patch(shop.admin, {"upload_ids": [other]})).status_code == 200
    assert await photos(shop, shop.rider) == [] and await opened(shop, shop.rider, mine) == 404


async def test_who_has_no_openid_answers_for_the_own_photos_too(shop: Keeping) -> None:
    """WeChat judges no photo of a console account: without this, nobody would ever see one."""
    console = await shop.people.console(grants=[(role, kind, where) for role, kind, where in grants(shop.admin)])
    photo = await shop.photo(console)
    assert (await shop.patch(console, {"upload_ids": [photo]})).status_code == 200
    assert await photos(shop, shop.rider) == [photo]


def grants(who: Person) -> list[Any]:
    return [(grant.role, grant.scope_type, grant.scope_id) for grant in who.principal.grants]


async def photos(shop: Keeping, who: Person) -> list[str]:
    return [photo["id"] for photo in (await shop.seen(who))["photos"]]


async def opened(shop: Keeping, who: Person, upload_id: str) -> int:
    return (await shop.client.get(f"/api/v1/uploads/{upload_id}", headers=who.headers)).status_code


async def test_special_days_replace_the_weeks_hours(shop: Keeping) -> None:
    later = {"from": str(TODAY + 40 * DAY), "to": str(TODAY + 41 * DAY), "opens": "10:00", "closes": "16:00", "note": "元宵节"}
    over = {"from": str(TODAY - 9 * DAY), "to": str(TODAY - 8 * DAY), "closed": True}
    assert (await shop.seen(shop.rider))["opening"] == {"open": True, "until": None, "next": None}
    changed = await shop.patch(shop.admin, {"special_days": [later, *SHUT, over]})
    assert changed.status_code == 200, changed.text
    shown = await shop.seen(shop.rider)
    assert [day["from"] for day in shown["special_days"]] == [SHUT[0]["from"], later["from"]]
    assert shown["special_days"][1] == later | {"closed": False} and shown["special_days"][0]["closed"] is True
    opens = clock.day_start(TODAY + 2 * DAY).isoformat().replace("+00:00", "Z")
    assert shown["opening"] == {"open": False, "until": None, "next": opens}
    assert (await shop.patch(shop.admin, {"special_days": []})).json()["special_days"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        [{"from": "2027-02-05", "to": "2027-02-04", "closed": True}], [{"from": "2027-02-05", "to": "2027-02-06"}],
        [{"from": "2027-02-05", "to": "2027-02-06", "closed": True, "opens": "08:00", "closes": "10:00"}],
        [{"from": "2027-02-05", "to": "2027-02-06", "opens": "08:00"}], [{"from": "2027-02-05", "to": "2027-02-06", "closed": False}],
        [{"from": "2027-02-05", "to": "2027-02-08", "closed": True}, {"from": "2027-02-08", "to": "2027-02-08", "closed": True}],
        [{"from": "2027-02-05", "to": "2028-02-08", "closed": True}],
        [{"from": "2027-02-05", "to": "2027-02-05", "closed": True, "note": "长" * 61}],
    ],
)
def test_special_days_have_a_shape(wrong: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        StorePatch.model_validate({"special_days": wrong})


async def test_a_pause_is_told_to_everybody_and_ends_by_itself(shop: Keeping, session: AsyncSession) -> None:
    assert shop.owner
    assert (await shop.patch(shop.owner, {"paused_until": str(TODAY)})).status_code == 422
    assert (await shop.patch(shop.owner, {"pause_note": "盘点"})).status_code == 422
    assert (await shop.patch(shop.owner, {"paused": True, "paused_until": str(TODAY - DAY)})).status_code == 422
    told = {"paused": True, "paused_until": str(TODAY), "pause_note": "盘点"}
    assert (await shop.patch(shop.owner, told)).status_code == 200
    shown = await shop.seen(shop.rider)
    assert {name: shown[name] for name in told} == told and shown["offered"] is False and shown["opening"]["open"] is False
    assert shown["opening"]["next"] == clock.day_start(TODAY + DAY).isoformat().replace("+00:00", "Z")
    for where in ({}, {"radius_m": 2000}):
        assert await shop.listed(shop.rider, **where) == []
    assert await shop.listed(shop.admin) == [shop.id]
    assert (await queries.describe(session, UUID(shop.id)))["lines"] == ["地址：文化路 1 号", f"暂停营业至 {TODAY:%Y年%m月%d日}：盘点"]
    assert (await shop.patch(shop.owner, {"phone": "0537-3411111"})).json()["pause_note"] == "盘点"
    await session.exec(sa.update(Store).where(col(Store.id) == UUID(shop.id)).values(paused_until=TODAY - DAY))
    shown = await shop.seen(shop.rider)
    assert (shown["paused"], shown["pause_note"], shown["offered"], shown["opening"]["open"]) == (False, None, True, True)
    assert await shop.listed(shop.rider) == await shop.listed(shop.rider, radius_m=2000) == [shop.id]
    assert "lines" not in await queries.describe(session, UUID(shop.id))
    again = (await shop.patch(shop.owner, {"paused": True})).json()
    assert (again["paused"], again["paused_until"], again["pause_note"]) == (True, None, None)
    assert (await shop.patch(shop.owner, {"paused": False})).json()["offered"] is True


async def test_a_kind_of_store_is_asked_for(shop: Keeping) -> None:
    repair = await shop.open(category="repair")
    assert (await shop.seen(shop.rider))["category"] == "other"
    for where in ({}, {"radius_m": 2000}):
        assert await shop.listed(shop.rider, category="repair", **where) == [repair]
    assert (await shop.client.get(f"{API}?category=casino", headers=shop.rider.headers)).status_code == 422


async def test_the_open_ones_nearby_fill_the_limit(shop: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearest first, over as many closed ones as lie between; those outside the circle are not among them."""
    monkeypatch.setattr(queries, "CHUNK", 2)
    lng, lat = shop.county.spot
    expected = [shop.id]
    for number in range(1, 8):
        place = {"lng": lng + number * 0.001, "lat": lat, "crs": "gcj02"}
        made = await shop.open(location=place, **({"special_days": SHUT} if number not in (4, 7) else {}))
        expected += [made] if number in (4, 7) else []
    # In the square around the circle, not in the circle.
    await shop.open(location={"lng": lng + 0.008, "lat": lat + 0.008, "crs": "gcj02"})
    assert await shop.listed(shop.rider, radius_m=1000, open_now=True, limit=3) == expected
    assert await shop.listed(shop.rider, radius_m=1000, open_now=True) == expected
    assert await shop.listed(shop.rider, radius_m=1000, open_now=True, limit=2) == expected[:2]
    assert len(await shop.listed(shop.rider, radius_m=1000)) == 8
