"""What administrators keep of a reward: the entries of its stock, its pictures."""

import io
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from PIL import Image

from app import clock
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.rewards import queries, service
from app.uploads.models import Checked, Upload
from tests.rewards.test_rewards import API, body
from tests.support.county import County
from tests.support.people import People, Person

UPLOADS = "/api/v1/uploads"


@pytest.fixture
async def admin(people: People, county: County) -> Person:
    return await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])


@pytest.fixture
async def shop(client: httpx.AsyncClient, county: County, admin: Person) -> str:
    given = {
        "name": "东风便利店", "area_id": str(county.community.id), "location": county.place(), "address": "文化路 1 号",
        "phone": "0537-3412345", "hours": "08:00-22:00",
    }
    return str((await client.post("/api/v1/stores", headers=admin.headers, json=given)).json()["id"])


async def picture(client: httpx.AsyncClient, who: Person) -> str:
    written = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(written, "PNG")
    answer = await client.post(UPLOADS, files={"file": ("water.png", written.getvalue(), "image/png")}, headers=who.headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_what_was_put_in_and_why_is_for_its_administrators(
    client: httpx.AsyncClient, people: People, county: County, admin: Person, shop: str, session: AsyncSession
) -> None:
    reward = (await client.post(API, headers=admin.headers, json=body([shop]))).json()
    path = f"{API}/{reward['id']}"
    await client.patch(path, headers=admin.headers, json={"stock_change": 3, "reason": "补货"})
    await client.patch(path, headers=admin.headers, json={"stock_change": -1})

    async def entries(who: Person, **params: Any) -> httpx.Response:
        return await client.get(f"{path}/stock-entries", headers=who.headers, params=params)

    told = (await entries(admin)).json()["items"]
    assert [(entry["change"], entry["reason"]) for entry in told] == [(-1, None), (3, "补货"), (5, None)]
    assert {entry["by"]["id"] for entry in told} == {str(admin.id)}
    page = (await entries(admin, limit=2)).json()
    assert [entry["change"] for entry in page["items"]] == [-1, 3]
    assert [entry["change"] for entry in (await entries(admin, cursor=page["next_cursor"])).json()["items"]] == [5]
    other = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)])
    clerk = await people.member(grants=[(Role.STORE_OWNER, ScopeType.STORE, UUID(shop))])
    assert [(await entries(who)).status_code for who in (other, clerk, await people.member())] == [404, 404, 404]
    half = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.community.id)])
    assert (await entries(half)).status_code == 200
    given = {
        "name": "建设便利店", "area_id": str(county.other_community.id), "location": county.place(other=True), "address": "建设路 2 号",
        "phone": "0537-3412346", "hours": "08:00-22:00",
    }
    second = (await client.post("/api/v1/stores", headers=admin.headers, json=given)).json()["id"]
    await client.patch(path, headers=admin.headers, json={"store_ids": [shop, second]})
    assert (await entries(half)).status_code == 403
    copy = await queries.export(session, member_id=admin.id)
    assert [(note["change"], note["reason"]) for note in copy["stock_notes"]] == [(5, None), (3, "补货"), (-1, None)]
    await service.forget(session, member_id=admin.id)
    assert [entry["reason"] for entry in (await entries(admin)).json()["items"]] == [None, None, None]


async def test_pictures_are_everybodys_once_they_have_passed(
    client: httpx.AsyncClient, people: People, county: County, admin: Person, shop: str, session: AsyncSession
) -> None:
    rider, mine = await people.member(), await picture(client, admin)
    strange = await picture(client, rider)
    assert (await client.post(API, headers=admin.headers, json=body([shop], upload_ids=[strange]))).status_code == 404
    reward = (await client.post(API, headers=admin.headers, json=body([shop], upload_ids=[mine]))).json()
    path = f"{API}/{reward['id']}"

    async def shown(who: Person) -> list[str]:
        listed = (await client.get(API, headers=who.headers)).json()["items"]
        alone = (await client.get(path, headers=who.headers)).json()["photos"]
        assert [one["photos"] for one in listed if one["id"] == reward["id"]] == [alone]
        return [photo["id"] for photo in alone]

    async def opens(who: Person) -> bool:
        return (await client.get(f"{UPLOADS}/{mine}", headers=who.headers)).status_code == 200

    half = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.community.id)])
    for checked, seen in ((Checked.PENDING, []), (Checked.RISKY, []), (Checked.PASS, [mine])):
        await session.exec(sa.update(Upload).where(Upload.id == UUID(mine)).values(checked=checked))  # type: ignore[arg-type]
        assert await shown(rider) == seen and await opens(rider) is bool(seen)
        assert await shown(admin) == await shown(half) == [mine] and await opens(half)
    # Another administrator arranges them anew: what is there may stay, whoever sent it.
    more = await picture(client, half)
    both = await client.patch(path, headers=half.headers, json={"upload_ids": [more, mine]})
    assert [photo["id"] for photo in both.json()["photos"]] == [more, mine]
    assert (await client.patch(path, headers=admin.headers, json={"upload_ids": []})).json()["photos"] == []
    assert not await opens(rider)
    assert (await client.patch(path, headers=admin.headers, json={"upload_ids": None})).status_code == 422


async def test_lists_cost_the_same_with_ten_rows_as_with_one(
    client: httpx.AsyncClient, people: People, admin: Person, shop: str, statements: list[str], session: AsyncSession
) -> None:
    """Rewards with pictures, levels, a stock of the day or pieces; entries with reasons."""
    for number in range(10):
        more: dict[str, Any] = {"flash": True} if number % 2 else {"stock_per_day": 3, "levels": [1, 2]}
        made = (await client.post(API, headers=admin.headers, json=body([shop], **more))).json()["id"]
        session.add(
            Upload(
                member_id=admin.id, image_key=made, thumb_key=f"{made}-t", content_type="image/jpeg", width=9, height=9, size_bytes=9,
                owner_id=UUID(made), kind="reward", position=0, attached_at=clock.now(), checked=Checked.PASS,
            )
        )
        await client.patch(f"{API}/{made}", headers=admin.headers, json={"stock_change": 1, "reason": "补货"})
    for _ in range(8):
        await client.patch(f"{API}/{made}", headers=admin.headers, json={"stock_change": 1, "reason": "补货"})
    rider = await people.member()
    for who, path in ((rider, API), (admin, f"{API}/{made}/stock-entries")):
        costs = []
        for rows in (2, 10):
            statements.clear()
            page = (await client.get(path, headers=who.headers, params={"limit": rows})).json()
            assert len(page["items"]) == rows
            costs.append(len(statements))
        assert costs[0] == costs[1], (path, costs)
