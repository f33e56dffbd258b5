"""Taking photos in and showing them, over HTTP: who may see what, for how long, and what a link is worth."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app import clock
from app.auth.models import Account
from app.auth.principal import AccountKind, Principal
from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.errors import NotFound, ValidationFailed
from app.middleware.limits import FILE_BYTES
from app.security import sealing
from app.storage.store import ObjectStore
from app.uploads import links, ports, queries, service, workflow
from app.uploads.errors import UploadAlreadyUsed
from app.uploads.models import Checked, Upload
from tests.support.owner import without_second_wall
from tests.support.people import People, Person
from tests.uploads import photos

RunJob = Callable[..., Awaitable[None]]
Queued = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
READERS: dict[UUID, set[UUID]] = {}


@pytest.fixture(autouse=True)
def a_thing_with_photos() -> Iterator[None]:
    """What a higher feature would be: it says who may see each of its things."""

    async def may_see(session: AsyncSession, principal: Principal, owner_id: UUID) -> bool:
        return principal.account_id in READERS.get(owner_id, set())

    ports.owner("test_thing", may_see)
    yield
    ports._OWNERS.pop("test_thing")
    READERS.clear()


async def post(client: httpx.AsyncClient, person: Person, data: bytes, **headers: str) -> httpx.Response:
    return await client.post(
        "/api/v1/uploads", files={"file": ("../../etc/passwd.svg", data, "text/html")}, headers=person.headers | headers
    )


async def uploaded(client: httpx.AsyncClient, person: Person, data: bytes | None = None) -> dict[str, Any]:
    answer = await post(client, person, data or photos.talkative_jpeg())
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def row(session: AsyncSession, upload_id: str) -> Upload:
    found = await session.get(Upload, UUID(upload_id), populate_existing=True)
    assert found is not None
    return found


async def test_a_photo_comes_back_clean_through_all_its_addresses(
    client: httpx.AsyncClient, people: People, session: AsyncSession, queued: Queued
) -> None:
    member = await people.member()
    answer = await uploaded(client, member, photos.talkative_jpeg(orientation=6))
    assert set(answer) == {
        "id", "url", "view_url", "medium_url", "thumb_url", "width", "height", "content_type", "taken_at", "place",
    }
    assert (answer["width"], answer["height"], answer["content_type"]) == (480, 640, "image/jpeg")
    assert answer["url"] == f"http://test/api/v1/uploads/{answer['id']}"

    own = await client.get(answer["url"], headers=member.headers)
    view, thumb = await client.get(answer["view_url"]), await client.get(answer["thumb_url"])
    assert own.content == view.content and photos.SECRET not in own.content + thumb.content
    assert photos.opened(view.content).size == (480, 640) and photos.opened(thumb.content).size == (240, 320)
    for shown in (own, view, thumb):
        assert shown.status_code == 200 and shown.headers["content-type"] == "image/jpeg"
        assert shown.headers["x-content-type-options"] == "nosniff"
    assert own.headers["cache-control"] == "no-store"
    kept_for = int(view.headers["cache-control"].removeprefix("private, max-age="))
    assert 299 < kept_for <= 600
    assert "upload.check" not in [name for name, _ in await queued(session)], "nobody else sees it yet"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_media_type"), (b"", 422, "validation_error"),
        (photos.talkative_jpeg()[:900], 422, "validation_error"), (photos.png_bomb(30_000, 30_000), 422, "validation_error"),
        (b"\xff\xd8\xff" + bytes(FILE_BYTES), 413, "payload_too_large"), (bytes(FILE_BYTES + 80_000), 413, "payload_too_large"),
    ],
    ids=["svg", "empty", "cut", "bomb", "large file", "large body"],
)
async def test_what_is_no_photo_is_refused(client: httpx.AsyncClient, people: People, data: bytes, status: int, code: str) -> None:
    answer = await post(client, await people.member(), data)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if status == 413:
        assert answer.json()["limit"] > 0


async def test_who_may_upload(client: httpx.AsyncClient, people: People) -> None:
    photo = photos.talkative_jpeg()
    assert (await client.post("/api/v1/uploads", files={"file": photo})).status_code == 401
    stranger = await post(client, await people.member(consents=()), photo)
    assert (stranger.status_code, stranger.json()["code"]) == (403, "consent_required")
    member = await people.member()
    wrong = await client.post("/api/v1/uploads", json={"file": "x"}, headers=member.headers)
    assert (wrong.status_code, wrong.json()["code"]) == (415, "unsupported_media_type")
    missing = await client.post("/api/v1/uploads", files={"picture": photo}, headers=member.headers)
    assert missing.status_code == 422
    assert (await post(client, await people.console(), photo)).status_code == 201


async def test_the_same_key_gives_the_same_photo(client: httpx.AsyncClient, people: People, session: AsyncSession) -> None:
    member, key = await people.member(), {"Idempotency-Key": f"upload-{uuid.uuid4()}"}
    photo = photos.talkative_jpeg()
    first, again = await post(client, member, photo, **key), await post(client, member, photo, **key)
    assert (first.status_code, again.status_code, again.headers["idempotency-replayed"]) == (201, 201, "true")
    assert first.json() == again.json()
    other = await post(client, member, photos.encoded(photos.scene(), "PNG"), **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    count = await session.exec(sa.select(sa.func.count()).select_from(Upload).where(col(Upload.member_id) == member.id))
    assert count.scalar_one() == 1


async def test_an_attached_photo_is_for_those_who_may_see_the_thing(
    client: httpx.AsyncClient, people: People, session: AsyncSession
) -> None:
    member, friend, stranger, thing = await people.member(), await people.member(), await people.member(), new_id()
    url = (upload := await uploaded(client, member))["url"]
    READERS[thing] = {friend.id}
    await without_second_wall(session)  # it knows no thing of this kind, and would show its photo to nobody else

    async def statuses() -> list[int]:
        return [(await client.get(url, headers=who.headers)).status_code for who in (member, friend, stranger)]

    assert await statuses() == [200, 404, 404]
    await service.attach(session, upload_ids=[UUID(upload["id"])], member_id=member.id, kind="test_thing", owner_id=thing)
    assert await statuses() == [200, 200, 404]
    READERS[thing] = set()
    assert await statuses() == [200, 404, 404]
    assert (await client.get(url)).status_code == 401
    assert (await client.get(f"/api/v1/uploads/{uuid.uuid4()}", headers=member.headers)).status_code == 404

    await service.detach(session, owner_id=thing)
    await service.attach(session, upload_ids=[UUID(upload["id"])], member_id=member.id, kind="nobody_answers_for", owner_id=thing)
    READERS[thing] = {friend.id}
    assert await statuses() == [200, 404, 404]


async def test_signed_links_cannot_be_forged_or_bent(client: httpx.AsyncClient, people: People) -> None:
    member = await people.member()
    one, two = await uploaded(client, member), await uploaded(client, member)
    good = urlsplit(one["view_url"])
    query = {name: values[0] for name, values in parse_qs(good.query).items()}
    assert (await client.get(one["view_url"])).status_code == 200
    forged = {
        "other photo": f"/api/v1/uploads/{two['id']}/view?{good.query}", "other size": f"/api/v1/uploads/{one['id']}/thumb?{good.query}",
        "longer life": f"{good.path}?e={int(query['e']) + 300}&s={query['s']}",
        "same number": f"{good.path}?e=0{query['e']}&s={query['s']}",
        "last digit": f"{good.path}?e={query['e']}&s={query['s'][:-1]}{'0' if query['s'][-1] != '0' else '1'}",
        "upper case": f"{good.path}?e={query['e']}&s={query['s'].upper()}", "short": f"{good.path}?e={query['e']}&s={query['s'][:8]}",
        "no hex": f"{good.path}?e={query['e']}&s=zz", "nothing": good.path, "no digits": f"{good.path}?e=later&s={query['s']}",
    }
    for name, url in forged.items():
        answer = await client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), name


async def test_links_are_the_same_for_five_minutes_and_dead_ten_minutes_after_the_mark(
    client: httpx.AsyncClient, people: People, session: AsyncSession
) -> None:
    mark = clock.day_start(clock.today())
    assert workflow.link_expiry(mark) == workflow.link_expiry(mark + timedelta(seconds=299)) == int(mark.timestamp()) + 600
    assert workflow.link_expiry(mark + timedelta(seconds=300)) == int(mark.timestamp()) + 900

    upload = await uploaded(client, await people.member())
    for left, status in ((30, 200), (-1, 404)):
        expires = str(int(clock.now().timestamp()) + left)
        signature = sealing.sign(session, links.PURPOSE, f"{upload['id']}|view|{expires}".encode()).hex()
        answer = await client.get(f"/api/v1/uploads/{upload['id']}/view?e={expires}&s={signature}")
        assert answer.status_code == status
        if status == 200:
            assert int(answer.headers["cache-control"].removeprefix("private, max-age=")) <= left


async def test_attaching_takes_all_or_nothing_once_and_in_order(
    client: httpx.AsyncClient, people: People, session: AsyncSession
) -> None:
    member, other, thing = await people.member(), await people.member(), new_id()
    first, second, third = [UUID((await uploaded(client, member))["id"]) for _ in range(3)]
    foreign = UUID((await uploaded(client, other))["id"])

    async def attach(ids: list[UUID], owner_id: UUID = thing) -> None:
        await service.attach(session, upload_ids=ids, member_id=member.id, kind="test_thing", owner_id=owner_id)

    for ids, refusal in (
        ([first, foreign], NotFound), ([first, new_id()], NotFound), ([first, first], ValidationFailed),
    ):
        with pytest.raises(refusal):
            await attach(ids)
    assert await queries.photos(session, [thing]) == {}
    await attach([second, first])
    with pytest.raises(UploadAlreadyUsed):
        await attach([third, first], new_id())
    shown = await queries.photos(session, [thing, new_id()])
    assert [photo.id for photo in shown[thing]] == [second, first] and (await row(session, str(third))).owner_id is None
    out = links.photo(session, shown[thing][0], "before")
    told = {"id", "kind", "url", "view_url", "medium_url", "thumb_url", "width", "height", "checked"}
    assert out.model_dump(mode="json").keys() == told
    with pytest.raises(IntegrityError, match="moves to nothing else"):
        async with session.begin_nested():
            await session.exec(sa.update(Upload).where(col(Upload.id) == first).values(owner_id=new_id()))


async def test_of_many_things_that_want_a_photo_at_once_one_gets_it(committed: Database) -> None:
    async with committed.transaction() as session:
        account = Account(kind=AccountKind.CONSOLE, username=f"race-{uuid.uuid4()}")
        session.add(account)
        await session.flush()
        wanted = [
            Upload(
                member_id=account.id, image_key=f"race/{new_id()}", thumb_key=f"race/{new_id()}", content_type="image/jpeg", width=1,
                height=1, size_bytes=1,
            )
            for _ in range(3)
        ]
        session.add_all(wanted)
    ids = [upload.id for upload in wanted]

    async def attach(number: int) -> None:
        async with committed.transaction() as session:
            order = ids if number % 2 else ids[::-1]
            await service.attach(session, upload_ids=order, member_id=account.id, kind="test_thing", owner_id=UUID(int=number))

    try:
        outcomes = await asyncio.gather(*(attach(number) for number in range(1, 7)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes].count(UploadAlreadyUsed) == 5 and outcomes.count(None) == 1
        async with committed.transaction() as session:
            winner = UUID(int=outcomes.index(None) + 1)
            assert len((await queries.photos(session, [winner]))[winner]) == 3
    finally:
        async with committed.transaction() as session:
            await session.exec(sa.delete(Upload).where(col(Upload.member_id) == account.id))
            await session.exec(sa.delete(Account).where(col(Account.id) == account.id))


async def test_what_nobody_uses_is_swept_and_what_is_used_stays(
    client: httpx.AsyncClient, people: People, session: AsyncSession, store: ObjectStore, run_job: RunJob, queued: Queued
) -> None:
    member, thing = await people.member(), new_id()
    idle, used, fresh = [await row(session, (await uploaded(client, member))["id"]) for _ in range(3)]
    originals = {used.original_key}
    await service.attach(session, upload_ids=[used.id], member_id=member.id, kind="test_thing", owner_id=thing)
    long_ago = clock.now() - workflow.UNATTACHED_KEPT - timedelta(minutes=1)
    await session.exec(sa.update(Upload).where(col(Upload.id).in_([idle.id, used.id])).values(created_at=long_ago))
    await run_job("upload.drop_unattached")
    found = await session.exec(sa.select(col(Upload.id)).where(col(Upload.member_id) == member.id))
    assert set(found.scalars()) == {used.id, fresh.id}
    unwanted, payload = [payload for name, payload in await queued(session) if name == "upload.delete_objects"]
    assert set(unwanted["keys"]) == originals, "of a kind of thing for which nobody may see originals, none is kept"
    assert set(payload["keys"]) == {idle.image_key, idle.thumb_key, idle.original_key}
    # A key that a row names is never deleted, whatever a job says.
    await run_job("upload.delete_objects", {"keys": payload["keys"] + [used.image_key]})
    assert not await store.exists(str(idle.image_key)) and not await store.exists(str(idle.thumb_key))
    assert await store.exists(str(used.image_key))


async def test_objects_without_a_row_are_swept_when_they_are_old(
    client: httpx.AsyncClient, people: People, session: AsyncSession, store: ObjectStore, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await row(session, (await uploaded(client, await people.member()))["id"])
    orphan = f"uploads/00/{uuid.uuid4().hex}"
    await store.put(orphan, b"left by a request that died")
    await run_job("upload.sweep_objects")
    assert await store.exists(orphan)
    monkeypatch.setattr(workflow, "ORPHAN_AFTER", timedelta(seconds=-5))
    await run_job("upload.sweep_objects")
    assert not await store.exists(orphan) and await store.exists(str(kept.image_key)) and await store.exists(str(kept.thumb_key))


async def test_an_erased_person_leaves_no_photo_but_an_officials_proof_stays(
    client: httpx.AsyncClient, people: People, session: AsyncSession, store: ObjectStore, run_job: RunJob, queued: Queued
) -> None:
    member, thing = await people.member(), new_id()
    one, proof = [await row(session, (await uploaded(client, member))["id"]) for _ in range(2)]
    keys = [str(one.image_key), str(one.thumb_key)]
    await service.attach(session, upload_ids=[one.id], member_id=member.id, kind="test_thing", owner_id=thing)
    await service.attach(session, upload_ids=[proof.id], member_id=member.id, kind="report_after", owner_id=thing)
    copy = await queries.export(session, member_id=member.id)
    assert [found["id"] for found in copy["uploads"]] == [str(one.id), str(proof.id)]
    link = links.signed(session, one.id, "view")

    await service.forget(session, member_id=member.id)
    await service.forget(session, member_id=member.id)
    for name, payload in await queued(session):
        if name == "upload.delete_objects":
            await run_job(name, payload)
    assert [await store.exists(key) for key in keys] == [False, False]
    assert (await client.get(link)).status_code == 404
    assert (await client.get(f"/api/v1/uploads/{one.id}", headers=member.headers)).status_code == 404
    assert [photo.id for photo in (await queries.photos(session, [thing]))[thing]] == [proof.id]
    assert await store.exists(str(proof.image_key)) and (await row(session, str(one.id))).checked is Checked.PENDING
