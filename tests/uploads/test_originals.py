"""What a file told and the file itself: for its sender once, for those who handle the case, for as long as each has its purpose."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.storage.store import ObjectStore
from app.uploads import keeping, queries, service, taken_sealed, workflow
from app.uploads.models import Upload, UploadPrint
from app.uploads.taken import Taken
from tests.reports.scene import Scene, on
from tests.support.county import County
from tests.support.people import People, Person
from tests.uploads import photos

RunJob = Callable[..., Awaitable[None]]
Queued = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
WHEN = {0x9003: "2026:11:24 09:20:30"}


def sent(seed: int = 1, size: tuple[int, int] = (1500, 1100)) -> bytes:
    """A photo that tells when and where, and has a tail."""
    tags = photos.exif_tags() | {0x8769: WHEN}
    return photos.encoded(photos.street(seed, size), "JPEG", exif=photos.written(tags)) + photos.SECRET * 9


async def uploaded(client: httpx.AsyncClient, person: Person, data: bytes) -> dict[str, Any]:
    answer = await client.post("/api/v1/uploads", files={"file": ("a.jpg", data, "image/jpeg")}, headers=person.headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def row(session: AsyncSession, upload_id: str | UUID) -> Upload:
    found = await session.get(Upload, UUID(str(upload_id)), populate_existing=True)
    assert found is not None
    return found


@pytest.fixture
async def scene(client: httpx.AsyncClient, session: AsyncSession, county: County, people: People) -> Scene:
    return Scene(
        client, session, county, people, reporter=await people.member(),
        reviewer=await people.member(grants=[on(Role.REVIEWER, county.community.id)], stepped_up=True),
        worker=await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)], stepped_up=True),
    )


async def reported(scene: Scene, data: bytes, person: Person | None = None) -> tuple[dict[str, Any], str]:
    """A photo and the report that it stands in."""
    photo = await uploaded(scene.client, person or scene.reporter, data)
    report = await scene.file(person, upload_ids=[photo["id"]])
    return photo, report["id"]


async def test_the_phone_is_told_when_and_where_and_nobody_else(scene: Scene) -> None:
    photo, report_id = await reported(scene, sent())
    assert photo["taken_at"] == "2026-11-24T01:20:30Z"
    place = photo["place"]
    assert place["crs"] == "gcj02" and 116.78 < place["lng"] < 116.80 and 35.54 < place["lat"] < 35.56
    for who in (scene.reporter, scene.reviewer):
        shown = json.dumps(await scene.get(who, f"/{report_id}"))
        assert "taken_at" not in shown and str(place["lng"]) not in shown and "original" not in shown and "medium_url" in shown
    kept = await row(scene.session, photo["id"])
    assert kept.taken_sealed is not None and b"2026" not in kept.taken_sealed
    assert taken_sealed.of(scene.session, kept).place == (place["lng"], place["lat"])
    silent = await uploaded(scene.client, scene.reporter, photos.encoded(photos.scene(), "PNG"))
    assert (silent["taken_at"], silent["place"]) == (None, None) and (await row(scene.session, silent["id"])).taken_sealed is None


async def test_three_sizes_have_links_of_their_own(scene: Scene) -> None:
    large = await uploaded(scene.client, scene.reporter, sent())
    small = await uploaded(scene.client, scene.reporter, photos.encoded(photos.scene(300, 200), "JPEG"))
    for photo, sides in ((large, (1500, 1080, 320)), (small, (300, 300, 300))):
        for variant, side in zip(("view", "medium", "thumb"), sides, strict=True):
            answer = await scene.client.get(photo[f"{variant}_url"])
            assert answer.status_code == 200 and max(photos.opened(answer.content).size) == side and photos.SECRET not in answer.content
    bent = large["medium_url"].replace("/medium?", "/view?")
    assert (await scene.client.get(bent)).status_code == 404
    assert (await row(scene.session, small["id"])).medium_key is None


async def test_the_file_as_it_was_sent_is_for_who_handles_the_report(scene: Scene, session: AsyncSession) -> None:
    data = sent()
    photo, _ = await reported(scene, data)
    people, county = scene.people, scene.county
    url = f"/api/v1/uploads/{photo['id']}/original"
    admin = await people.console(grants=[on(Role.AREA_ADMIN, county.community.id)], stepped_up=True)
    for who in (scene.reviewer, admin):
        answer = await scene.client.get(url, headers=who.headers)
        assert answer.status_code == 200 and answer.content == data
        assert answer.headers["content-type"] == "image/jpeg" and answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"] == 'attachment; filename="original.jpg"'
    others = {
        "reporter": (scene.reporter, 403), "worker": (scene.worker, 404), "stranger": (await people.member(stepped_up=True), 404),
        "reviewer elsewhere": (await people.member(grants=[on(Role.REVIEWER, county.other_community.id)], stepped_up=True), 404),
        "platform": (await people.console(grants=[(Role.PLATFORM_ADMIN, ScopeType.PLATFORM, None)], stepped_up=True), 404),
        "reviewer without a step-up": (await people.member(grants=[on(Role.REVIEWER, county.community.id)]), 403),
    }
    for name, (who, status) in others.items():
        assert (await scene.client.get(url, headers=who.headers)).status_code == status, name
    read = await session.exec(
        sa.select(col(AuditEvent.actor_id))
        .where(col(AuditEvent.action) == "upload.original", col(AuditEvent.object_id) == UUID(photo["id"]))
    )
    assert set(read.scalars().all()) == {scene.reviewer.id, admin.id}


async def test_nobody_who_reported_it_sees_the_original_as_its_reviewer(scene: Scene) -> None:
    photo, _ = await reported(scene, sent(), person=scene.reviewer)
    answer = await scene.client.get(f"/api/v1/uploads/{photo['id']}/original", headers=scene.reviewer.headers)
    assert answer.status_code == 404


async def run_deletions(session: AsyncSession, queued: Queued, run_job: RunJob) -> None:
    for name, payload in await queued(session):
        if name == "upload.delete_objects":
            await run_job(name, payload)


async def test_originals_and_what_they_told_go_when_they_have_served(
    scene: Scene, session: AsyncSession, store: ObjectStore, run_job: RunJob, queued: Queued
) -> None:
    photo, report_id = await reported(scene, sent())
    other, _ = await reported(scene, sent(2))
    before, untouched = str((await row(session, photo["id"])).original_key), str((await row(session, other["id"])).original_key)
    things = [UUID(report_id)]
    assert [await service.drop_originals(session, owner_ids=things) for _ in range(2)] == [1, 0]
    assert [await service.forget_taken(session, owner_ids=things) for _ in range(2)] == [1, 0]
    await run_deletions(session, queued, run_job)
    kept = await row(session, photo["id"])
    assert (kept.original_key, kept.original_type, taken_sealed.of(session, kept)) == (None, None, Taken())
    assert not await store.exists(before) and await store.exists(untouched) and await store.exists(str(kept.image_key))
    answer = await scene.client.get(f"/api/v1/uploads/{photo['id']}/original", headers=scene.reviewer.headers)
    assert answer.status_code == 404 and (await scene.client.get(photo["view_url"])).status_code == 200

    assert [await service.drop_photos(session, owner_ids=things) for _ in range(2)] == [1, 0]
    await run_deletions(session, queued, run_job)
    assert (await scene.client.get(photo["view_url"])).status_code == 404 and not await store.exists(str(kept.image_key))


async def test_an_erased_photo_tells_nothing_whichever_release_erases_it(scene: Scene, session: AsyncSession) -> None:
    photo, _ = await reported(scene, sent())
    held = await row(session, photo["id"])
    assert None not in (held.medium_key, held.original_key, held.sent_digest, held.taken_sealed)
    copy = (await queries.export(session, member_id=scene.reporter.id))["uploads"][0]
    assert copy["taken_at"] == "2026-11-24T01:20:30+00:00" and copy["place"]["lng"] == photo["place"]["lng"] and copy["original_kept"]
    with pytest.raises(IntegrityError, match="objects of an upload do not change"):
        async with session.begin_nested():
            await session.exec(sa.update(Upload).where(col(Upload.id) == held.id).values(original_key="uploads/another"))
    # What the release before writes: it knows two keys only.
    await session.exec(
        sa.update(Upload).where(col(Upload.id) == held.id).values(image_key=None, thumb_key=None, erased_at=queries.CLOCK)
    )
    gone = await row(session, photo["id"])
    assert (gone.medium_key, gone.original_key, gone.original_type, gone.sent_digest, gone.taken_sealed) == (None,) * 5
    prints = await session.exec(sa.select(sa.func.count()).select_from(UploadPrint).where(col(UploadPrint.upload_id) == held.id))
    assert prints.scalar_one() == 0


async def test_an_erased_person_leaves_no_object_of_any_folder(
    scene: Scene, session: AsyncSession, store: ObjectStore, run_job: RunJob, queued: Queued
) -> None:
    photo, _ = await reported(scene, sent())
    held = await row(session, photo["id"])
    keys = [str(getattr(held, name)) for name in queries.KEYS]
    assert all(await asyncio.gather(*map(store.exists, keys)))
    await service.forget(session, member_id=scene.reporter.id)
    await run_deletions(session, queued, run_job)
    assert not any(await asyncio.gather(*map(store.exists, keys)))


async def test_objects_of_every_folder_are_swept_when_no_row_names_them(
    scene: Scene, session: AsyncSession, store: ObjectStore, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await row(session, (await uploaded(scene.client, scene.reporter, sent()))["id"])
    orphans = [f"{folder}/00/{held.id.hex}" for folder in keeping.FOLDERS]
    for key in orphans:
        await store.put(key, b"left by a request that died")
    monkeypatch.setattr(workflow, "ORPHAN_AFTER", timedelta(seconds=-5))
    await run_job("upload.sweep_objects")
    assert not any(await asyncio.gather(*map(store.exists, orphans)))
    assert all(await asyncio.gather(*(store.exists(str(getattr(held, name))) for name in queries.KEYS)))
