"""Two people decide about one photo at once, with real commits: one wins. Without the lock both would."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area
from app.auth.models import AccessGrant, Account, AuthSession, Scope
from app.auth.roles import Role
from app.db.base import new_id
from app.db.session import Database
from app.errors import InvalidTransition
from app.members.models import Member
from app.messages.models import Message
from app.moderation import queries, service
from app.moderation.models import ItemKind, ModerationItem, ModerationText, OwnerType, Reason
from app.settings import Settings
from app.uploads.models import Checked, Upload
from tests.reports.scene import on
from tests.support.county import make_county
from tests.support.people import People, Person

PATH = "370899/"


class Desk:
    def __init__(self, sender: Person, reviewers: list[Person], item_id: UUID, upload_id: UUID) -> None:
        self.sender, self.reviewers, self.item_id, self.upload_id = sender, reviewers, item_id, upload_id


@pytest.fixture
async def desk(committed: Database, settings: Settings) -> AsyncIterator[Desk]:
    async with committed.transaction() as session:
        people, county = People(session, settings), await make_county(session)
        sender = await people.member()
        reviewers = [await people.member(grants=[on(Role.REVIEWER, county.community.id)]) for _ in range(2)]
        upload = Upload(
            member_id=sender.id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=100, height=100,
            size_bytes=1000, kind="store", owner_id=new_id(), position=0, attached_at=clock.now(), checked=Checked.REVIEW,
        )
        assert upload.owner_id is not None
        item = ModerationItem(
            kind=ItemKind.PHOTO, owner_type=OwnerType.STORE, owner_id=upload.owner_id, edition_id=upload.id, author_id=sender.id,
            area_path=county.community.path, reason=Reason.REVIEW,
        )
        session.add_all([upload, item])
        made = Desk(sender, reviewers, item.id, upload.id)
    yield made
    await _clear(committed, [sender.id, *(one.id for one in reviewers)])


async def _clear(committed: Database, everybody: list[UUID]) -> None:
    gone: Any
    async with committed.transaction() as session:
        for gone in (
            sa.delete(ModerationItem).where(col(ModerationItem.author_id).in_(everybody)),
            sa.delete(ModerationText).where(col(ModerationText.author_id).in_(everybody)),
            *(sa.delete(kept).where(col(kept.member_id).in_(everybody)) for kept in (Upload, Message)),
            *(sa.delete(kept).where(col(kept.account_id).in_(everybody)) for kept in (AccessGrant, AuthSession)),
            sa.delete(Member).where(col(Member.id).in_(everybody)),
            sa.delete(Account).where(col(Account.id).in_(everybody)),
            sa.delete(Scope).where(col(Scope.area_path).startswith(PATH)),
            sa.text("delete from jobs.pgqueuer where entrypoint in ('upload.judged', 'moderation.wanted')"),
        ):
            await session.exec(gone)
        for level in ("grid", "community", "street", "county"):
            await session.exec(sa.delete(Area).where(col(Area.path).startswith(PATH), col(Area.level) == level))


async def both(committed: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch, *, locked: bool) -> list[str]:
    """One has decided and not committed yet when the other comes; what each of them was told."""
    came, real = asyncio.Event(), queries.access_item

    async def access(session: Any, *, lock: bool = False, **asked: Any) -> Any:
        if not session.info.get("second"):
            return await real(session, lock=lock, **asked)
        if locked:
            came.set()
        found = await real(session, lock=lock and locked, **asked)
        came.set()
        return found

    monkeypatch.setattr(queries, "access_item", access)

    async def say(command: str, principal: Any, *, second: bool) -> str:
        try:
            async with committed.transaction() as session:
                session.info["second"] = second
                await service.decide(session, principal=principal, item_id=desk.item_id, command=command, note="看过", seen=None)
                if not second:
                    later = asyncio.create_task(say("block", desk.reviewers[1].principal, second=True))
                    await came.wait()
        except InvalidTransition as refusal:
            return str(refusal.facts["current_status"])
        return command if second else f"{command} {await later}"

    return (await say("pass", desk.reviewers[0].principal, second=False)).split()


async def test_of_two_who_decide_at_once_one_wins(committed: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await both(committed, desk, monkeypatch, locked=True) == ["pass", "passed"]
    async with committed.transaction() as session:
        item, upload = await session.get(ModerationItem, desk.item_id), await session.get(Upload, desk.upload_id)
        assert item is not None and upload is not None
        assert (item.status, item.decided_by, item.version, upload.checked) == ("passed", desk.reviewers[0].id, 2, "pass")


async def test_without_the_lock_both_would(committed: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await both(committed, desk, monkeypatch, locked=False) == ["pass", "block"]
