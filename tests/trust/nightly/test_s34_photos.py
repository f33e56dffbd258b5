"""S34: copies of photos are found among thousands of others, fakes of places are seen, and all that follows is that a person looks.

The photos are made by code and go through the very code of an upload; what is known of them stands in the table that lookalikes are
looked for in.
"""

import os
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.dialects.postgresql import BitString

from app import clock
from app.db.base import new_id
from app.db.session import AsyncSession
from app.uploads import pictures, prints
from app.uploads.models import Upload, UploadPrint
from app.uploads.queries_lookalikes import Lookalike, lookalikes
from app.uploads.taken import Taken
from tests.reports.conftest import scene
from tests.reports.scene import Scene
from tests.support.lookalikes import photo
from tests.support.people import People, Person
from tests.support.queue import queued
from tests.trust.plugin import Measure
from tests.trust.rig.photographs import CHANGES, photograph
from tests.uploads import photos

__all__ = ["scene"]
BASES, OTHERS, ASKED = (int(number) for number in os.environ.get("TRUST_PHOTOS", "200,10000,2000").split(","))
SMALL = (400, 300)
AT_ONCE = 100
FIRST_SIX, CROP = list(CHANGES)[:6], "crop 5 %"
FOUND, CROPS_FOUND, FALSE = 0.95, 0.70, 0.005
Run = Callable[..., Awaitable[None]]
Shown = tuple[int, ...]


def seen(image: Image.Image) -> Shown:
    """What an upload of it leaves behind."""
    sent = pictures.clean(photos.encoded(image, "JPEG", quality=88)).sent
    assert sent is not None
    return sent.prints or ()


def glimpsed(image: Image.Image) -> Shown:
    """The same without writing and rebuilding the file: for those that only have to be there."""
    grey, size, trim = image.convert("L"), (prints.SIDE, prints.SIDE), prints.TRIM / 2
    middle = (image.width * trim, image.height * trim, image.width * (1 - trim), image.height * (1 - trim))
    return prints.of(
        grey.resize(size, Image.Resampling.BOX).tobytes(), grey.resize(size, Image.Resampling.BOX, middle).tobytes()
    ) or ()


class Album:
    """Photos of one person, each of a thing of its own."""

    def __init__(self, session: AsyncSession, person: Person) -> None:
        self.session, self.person = session, person

    async def add(self, shown: Sequence[Shown]) -> list[UUID]:
        made = [self._row() for _ in shown]
        self.session.add_all(made)
        await self.session.flush()
        rows = [
            {"upload_id": upload.id, "form": form, "hash": BitString.from_int(one, prints.BITS)}
            for upload, forms in zip(made, shown, strict=True) for form, one in enumerate(forms)
        ]
        for first in range(0, len(rows), 9_000):
            await self.session.exec(sa.insert(UploadPrint), params=rows[first : first + 9_000])
        ids = [upload.id for upload in made]
        self.session.expunge_all()
        return ids

    def _row(self) -> Upload:
        return Upload(
            id=new_id(), member_id=self.person.id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=9,
            height=9, size_bytes=9, kind="report_before", owner_id=new_id(), position=0, attached_at=clock.now(),
        )

    async def like(self, ids: Sequence[UUID]) -> list[Lookalike]:
        """One by one in the statement's eyes: the nearest fifty of each."""
        found: list[Lookalike] = []
        for first in range(0, len(ids), AT_ONCE):
            found += await lookalikes(self.session, upload_ids=ids[first : first + AT_ONCE])
        return found


def copies(bases: Sequence[Image.Image]) -> dict[str, list[Shown]]:
    drawn = random.Random(34)
    return {name: [seen(change(base, drawn)) for base in bases] for name, change in CHANGES.items()}


class Gallery(NamedTuple):
    """The prints of the originals, of each change of them, and of the others."""

    bases: list[Shown]
    changed: dict[str, list[Shown]]
    others: list[Shown]


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    """Made before any transaction begins: one may not idle for as long as the work on pixels takes."""
    bases = [photograph(seed) for seed in range(BASES)]
    return Gallery([seen(base) for base in bases], copies(bases), [glimpsed(photograph(10**6 + seed, SMALL)) for seed in range(OTHERS)])


@pytest.mark.check("S34")
async def test_copies_are_found_among_ten_thousand_others(
    gallery: Gallery, session: AsyncSession, people: People, measured: Measure
) -> None:
    album = Album(session, await people.member())
    known, others = await album.add(gallery.bases), await album.add(gallery.others)
    await session.exec(sa.text("analyze upload_print"))
    original: dict[UUID, UUID] = {}
    share: dict[str, float] = {}
    false = 0
    for name, shown in gallery.changed.items():
        ids = await album.add(shown)
        of = dict(zip(ids, known, strict=True))
        alike = await album.like(ids)
        share[name] = len({one.upload_id for one in alike if one.other_id == of[one.upload_id]}) / len(ids)
        wrong = {one.upload_id for one in alike if original.get(one.other_id, one.other_id) != of[one.upload_id]}
        false += len(wrong)
        original |= of
        measured(f"found: {name}", round(100 * share[name], 1), "%")
    strange = {one.upload_id for one in await album.like(others[:ASKED])}
    measured("false alarms of copies", round(100 * false / (BASES * len(CHANGES)), 2), "%")
    measured("false alarms of others", round(100 * len(strange) / ASKED, 2), "%")
    measured("photos kept", len(known) + len(others) + len(original))
    assert all(share[name] >= (CROPS_FOUND if name == CROP else FOUND) for name in FIRST_SIX), share
    assert false <= FALSE * BASES * len(CHANGES) and len(strange) <= FALSE * ASKED


@pytest.mark.check("S34")
async def test_fakes_wait_for_a_person_and_none_is_refused(scene: Scene, run_job: Run, measured: Measure) -> None:
    """Of each sort ten; what the rules see is told to the reviewer, who alone decides."""
    lng, lat = scene.county.spot
    filed: dict[str, list[dict[str, Any]]] = {"150 km/h": [], "one point": [], "photo elsewhere": [], "old photo": [], "same file": []}
    for number in range(10):
        runner = await scene.people.member()
        await _file(scene, runner, scene.county.place(), ago=timedelta(minutes=1))
        filed["150 km/h"].append(await _file(scene, runner, scene.county.place() | {"lat": lat + 2_500 / 111_195}))
        for told, name in (
            (Taken(clock.now(), (lng + 1.5, lat + 1.5)), "photo elsewhere"), (Taken(clock.now() - timedelta(days=3), None), "old photo"),
        ):
            filed[name].append(await _file(scene, await scene.people.member(), scene.county.place(), told=told))
        await _file(scene, await scene.people.member(), scene.county.place(), digest=bytes([number]) * 32)
        filed["same file"].append(await _file(scene, await scene.people.member(), scene.county.place(), digest=bytes([number]) * 32))
    point = scene.county.place() | {"lng": lng + 0.000123, "lat": lat + 0.000321}
    filed["one point"] = [await _file(scene, await scene.people.member(), point) for _ in range(5)][2:]
    for name, payload in await queued(scene.session):
        if name == "report.signals":
            await run_job(name, payload)
    wanted = {
        "150 km/h": "impossible_speed", "one point": "same_point_many_people", "photo elsewhere": "far_from_photo",
        "old photo": "old_photo", "same file": "same_photo",
    }
    for name, reports in filed.items():
        told = [await scene.get(scene.reviewer, f"/{one['id']}/signals") for one in reports]
        noted = sum(wanted[name] in {line["kind"] for line in lines} for lines in told)
        measured(f"noted: {name}", f"{noted} of {len(reports)}")
        assert noted == len(reports), name
        for one in reports:
            shown = await scene.get(scene.reviewer, f"/{one['id']}")
            assert shown["status"] == "submitted" and shown["reject_reason"] is None
    paid = (await scene.session.exec(sa.text("select count(*) from points_award"))).scalar_one()
    assert not paid, "nobody is paid before a person looked"


async def _file(
    scene: Scene, who: Person, place: dict[str, Any], *, ago: timedelta | None = None, **shown: Any
) -> dict[str, Any]:
    more = {"occurred_at": (clock.now() - ago).isoformat()} if ago else {}
    return await scene.file(who, location=place, upload_ids=[await photo(scene.session, who.id, **shown)], **more)


@pytest.mark.variant("S34")
def test_without_the_prints_of_turned_forms_copies_would_be_missed() -> None:
    """The fault put back: only what a photo is as it lies."""
    drawn, missed = random.Random(3), 0
    for seed in range(20):
        base = photograph(seed)
        own, copy = seen(base), seen(CHANGES["90 degrees"](base, drawn))
        missed += (own[0] ^ copy[0]).bit_count() > prints.NEAR
    assert missed > 10
