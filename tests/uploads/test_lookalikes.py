"""Photos of other things that are the same file or show the same: found by the index, named with what turns one into the other."""

import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from PIL import Image, ImageOps
from sqlalchemy.dialects.postgresql import BitString

from app.db.base import new_id
from app.db.session import AsyncSession
from app.uploads import pictures, prints, service
from app.uploads.models import Upload, UploadPrint
from app.uploads.prints import Form
from app.uploads.queries_lookalikes import AT_MOST, Lookalike, lookalikes
from tests.support.people import People, Person
from tests.uploads import photos


class Album:
    def __init__(self, client: httpx.AsyncClient, session: AsyncSession, person: Person) -> None:
        self.client, self.session, self.person = client, session, person

    async def add(self, data: bytes, thing: UUID | None = None) -> UUID:
        answer = await self.client.post("/api/v1/uploads", files={"file": ("a.jpg", data, "image/jpeg")}, headers=self.person.headers)
        assert answer.status_code == 201, answer.text
        upload_id = UUID(answer.json()["id"])
        if thing is not None:
            await service.attach(
                self.session, upload_ids=[upload_id], member_id=self.person.id, kind="report_before", owner_id=thing
            )
        return upload_id

    async def row(self, shown: Sequence[int] = (), digest: bytes | None = None) -> UUID:
        """A photo of a thing of its own with these prints, without the work on pixels."""
        upload = Upload(
            member_id=self.person.id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=9, height=9,
            size_bytes=9, kind="report_before", owner_id=new_id(), position=0, attached_at=sa.func.now(), sent_digest=digest,
        )
        self.session.add(upload)
        await self.session.flush()
        self.session.add_all(
            UploadPrint(upload_id=upload.id, form=form, hash=BitString.from_int(one, prints.BITS)) for form, one in enumerate(shown)
        )
        await self.session.flush()
        return upload.id

    async def like(self, *upload_ids: UUID, **options: Any) -> list[Lookalike]:
        return await lookalikes(self.session, upload_ids=upload_ids, **options)


@pytest.fixture
async def album(client: httpx.AsyncClient, session: AsyncSession, people: People) -> Album:
    return Album(client, session, await people.member())


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    return photos.encoded(image, "JPEG", quality=quality)


async def test_the_same_file_and_copies_of_it_are_found_with_their_form(album: Album) -> None:
    street, thing = photos.street(7), new_id()
    first = await album.add(jpeg(street), thing)
    await album.add(jpeg(photos.street(8)), new_id())
    same, mirrored = await album.add(jpeg(street)), await album.add(jpeg(ImageOps.mirror(street).reduce(2)))
    turned, trimmed = await album.add(jpeg(street.rotate(90, expand=True), 60)), await album.add(jpeg(ImageOps.crop(street, 20)))

    assert await album.like(same) == [Lookalike(same, first, "report_before", thing, 0, Form.AS_IT_IS, True)]
    for copy, form in ((mirrored, Form.MIRRORED), (turned, Form.TURNED_270), (trimmed, Form.AS_IT_IS)):
        [found] = await album.like(copy)
        assert (found.other_id, found.owner_id, found.form, found.same_file) == (first, thing, form, False)
        assert found.distance <= prints.NEAR
    assert {found.upload_id for found in await album.like(same, mirrored, turned, trimmed)} == {same, mirrored, turned, trimmed}


async def test_only_photos_of_other_things_count(album: Album, session: AsyncSession) -> None:
    street, thing, other = jpeg(photos.street(7)), new_id(), new_id()
    asked, sibling = await album.add(street, thing), await album.add(street, thing)
    await album.add(street)
    assert await album.like(asked) == [] == await album.like(asked, sibling)
    found = await album.add(street, other)
    assert [one.other_id for one in await album.like(asked)] == [found]
    await service.drop_photos(session, owner_ids=[other])
    assert await album.like(asked) == []


async def test_without_enough_to_see_only_the_file_is_known_again(album: Album) -> None:
    wall, again = Image.new("RGB", (640, 480), (90, 90, 90)), Image.new("RGB", (640, 480), (92, 90, 90))
    first = await album.add(jpeg(wall), new_id())
    assert [one.other_id for one in await album.like(await album.add(jpeg(wall)))] == [first]
    assert await album.like(await album.add(jpeg(again))) == []


async def test_the_line_can_be_drawn_closer(album: Album) -> None:
    street = photos.street(7)
    await album.add(jpeg(street), new_id())
    bright = await album.add(jpeg(street.point(lambda value: min(255, int(value * 1.3)))))
    [found] = await album.like(bright)
    assert found.distance > 0
    assert len(await album.like(bright, within=found.distance)) == 1 and await album.like(bright, within=found.distance - 1) == []


async def test_many_photos_cost_as_many_statements_as_one(album: Album, statements: list[str]) -> None:
    ids = [await album.add(jpeg(photos.street(seed)), new_id()) for seed in range(3)]
    counts = []
    for asked in ([], ids[:1], ids):
        statements.clear()
        await album.like(*asked)
        counts.append(len(statements))
    assert counts == [1, 1, 1]


async def test_copies_of_each_kind_are_found_and_nothing_else(album: Album) -> None:
    streets = [photos.street(seed) for seed in range(10)]
    known = [await album.row(of(street)) for street in streets]
    copies = {
        await album.row(of(change(street), quality)): (name, original)
        for name, (change, quality) in photos.COPIES.items() for street, original in zip(streets, known, strict=True)
    }
    for one, (name, original) in copies.items():
        found = {other.other_id for other in await album.like(one)}
        assert original in found, name
        assert {copies[other][1] if other in copies else other for other in found} == {original}, name


def of(image: Image.Image, quality: int = 90) -> tuple[int, ...]:
    sent = pictures.clean(jpeg(image, quality)).sent
    assert sent is not None and sent.prints is not None
    return sent.prints


async def test_wherever_seven_bits_differ_the_print_is_found_and_it_may_be_missed_from_eight_on(album: Album) -> None:
    """The known-bad variant: eight changes where two bands overlap leave none of the sixteen whole."""
    drawn = random.Random(5)
    one = drawn.getrandbits(prints.BITS)
    await album.row([one])
    overlaps = [prints.BITS - 1 - place * 238 // 15 for place in range(1, 16, 2)]
    for changed, found in (*((drawn.sample(range(prints.BITS), 7), True) for _ in range(10)), (overlaps[:7], True), (overlaps, False)):
        other = one ^ sum(1 << bit for bit in changed)
        alike = await album.like(await album.row([drawn.getrandbits(prints.BITS), other]))
        assert [near.form for near in alike if near.distance == len(changed)] == [Form.TURNED_90] * found


async def test_the_nearest_fifty_are_told_of_each_photo(album: Album) -> None:
    copies = [await album.row(digest=bytes(32)) for _ in range(AT_MOST + 2)]
    assert len(await album.like(copies[0])) == AT_MOST
    assert len(await album.like(*copies[:2])) == 2 * AT_MOST


async def test_prints_are_never_read_from_end_to_end(album: Album, session: AsyncSession) -> None:
    """Not of a small table either, and not of one that the planner knows nothing of. Without its own settings the function would."""
    asked = [await album.row([number]) for number in range(3)]
    before = await read_whole(session)
    assert await album.like(*asked)
    assert await read_whole(session) == before
    body = (await session.exec(sa.text("select prosrc from pg_proc where proname = 'upload_print_near'"))).scalar_one()
    await session.exec(sa.text(body.replace("(asked)", "(cast(:asked as uuid[]))").replace("within", "31")).bindparams(asked=asked))
    assert await read_whole(session) > before


async def read_whole(session: AsyncSession) -> int:
    counted = sa.text("select seq_scan from pg_stat_xact_user_tables where relname = 'upload_print'")
    return int((await session.exec(counted)).scalar_one())
