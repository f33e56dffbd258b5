"""What an erasure settles, what may not come after it, and the journal that outlives a restore."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from app import clock
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.models import AccessGrant, Account
from app.auth.principal import AccountStatus
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession, Database
from app.errors import NotFound
from app.me import erasure, journal, queries_erasures
from app.me import service as me_service
from app.me.features import FEATURES
from app.me.models import Erasure
from app.messages import queries as messages_queries
from app.messages import service as messages_service
from app.points import ledger
from app.points import queries as points_queries
from app.points import service as points_service
from app.points.models import Kind, PointsAward, PointsTransaction
from app.security import sealing
from app.security.models import ThrottleHit
from app.wechat import push
from app.wechat.models import WeChatPushEvent
from tests.support.owner import as_owner

EVERYWHERE = {erasure.TRACES, *(feature.name for feature in FEATURES)}
CAUSE, REFERENCE = ledger.Cause("test"), "adjustment"


async def due(session: AsyncSession, member_id: UUID) -> None:
    """Cancelled a week ago."""
    await auth_service.set_status(session, account_id=member_id, status=AccountStatus.CANCELLING, erase_on=clock.today())


async def erased(session: AsyncSession, member_id: UUID) -> dict[str, int]:
    await due(session, member_id)
    counts = await me_service.erase(session, member_id=member_id)
    assert counts is not None
    return counts


async def give(session: AsyncSession, member_id: UUID, points: int) -> None:
    balance = await ledger.lock(session, member_id)
    await points_service.credit(
        session, member_id, balance, points, kind=Kind.ADJUST, reference=ledger.Reference(REFERENCE, uuid4()), cause=CAUSE
    )


async def take(session: AsyncSession, member_id: UUID, points: int) -> None:
    await ledger.lock(session, member_id)
    await points_service.take_back(
        session, member_id, points, kind=Kind.ADJUST, reference=ledger.Reference(REFERENCE, uuid4()), cause=CAUSE
    )


@pytest.mark.parametrize(("given", "taken"), [(70, 0), (30, 45), (20, 20), (0, 0)], ids=["points", "debt", "nothing left", "never any"])
async def test_the_balance_is_settled(session, people, given: int, taken: int) -> None:
    """By one transaction whose entries sum to 0; every lot is empty, and the member's lines sum to 0."""
    rider = await people.member()
    for amount, change in ((given, give), (taken, take)):
        if amount:
            await change(session, rider.id, amount)
    await erased(session, rider.id)
    standing = await points_queries.standing(session, member_id=rider.id)
    assert (standing.available, standing.held, standing.debt, standing.expiring) == (0, 0, 0, [])
    found = await session.exec(sa.select(PointsTransaction).where(col(PointsTransaction.member_id) == rider.id))
    lines = found.scalars().all()
    settling = [line for line in lines if line.reference_type == "erasure"]
    assert sum(line.amount for line in lines) == 0
    assert [(line.kind, line.amount, line.reason_code) for line in settling] == (
        [] if given == taken else [(Kind.ADJUST, taken - given, "account_erased")]
    )


async def test_nothing_is_credited_to_an_erased_account(client, session, people, county) -> None:
    """An award that comes later is judged, and withheld; a proposal that waited cannot be carried out; messages are not written."""
    rider = await people.member()
    admins = [await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)]) for _ in range(2)]
    uploads = await session.exec(sa.text(
        "insert into upload (id, member_id, image_key, thumb_key, content_type, width, height, size_bytes, checked)"
        " values (gen_random_uuid(), :id, 'a', 'b', 'image/jpeg', 1, 1, 1, 'pass') returning id"), params={"id": admins[0].id})
    body = {"member_id": str(rider.id), "amount": 50, "reason": "补记", "upload_id": str(uploads.scalar_one())}
    made = await client.post("/api/v1/points/adjustments", json=body, headers=admins[0].headers | {"Idempotency-Key": uuid4().hex})
    assert made.status_code == 201, made.text
    await erased(session, rider.id)
    path = f"/api/v1/points/adjustments/{made.json()['id']}"
    approved = await client.post(f"{path}/approve", headers=admins[1].headers)
    assert (approved.status_code, approved.json()["code"]) == (409, "conflict")
    assert (await client.post(f"{path}/reject", headers=admins[1].headers)).status_code == 200

    given = await points_service.award(
        session, member_id=rider.id, rule="REPORT_ACCEPTED", source_type="report", source_id=uuid4(), source_number=None,
        filed_at=clock.now(), area_path=county.root.path,
    )
    assert (given.credited, given.withheld, given.reason) == (0, 10, "account_erased")
    judged = await session.exec(sa.select(PointsAward).where(col(PointsAward.member_id) == rider.id))
    assert [row.transaction_id for row in judged.scalars()] == [None]
    await messages_service.send(session, member_id=rider.id, category="system", title="晚到", body="晚到的通知")
    assert await messages_queries.inbox(session, member_id=rider.id, unread=None, limit=10, after=None) == []


async def test_traces_outside_the_features_go(session, people, county) -> None:
    rider, other = await people.member(), await people.member()
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    openids = [str(await auth_queries.openid_of(session, account_id=who.id)) for who in (rider, other)]
    for number, openid in enumerate(openids):
        told = {"FromUserName": openid, "MsgType": "event", "Event": "subscribe_msg_change_event", "CreateTime": number}
        await push.take(session, push.Signed("", "1", f"nonce-{number}"), json.dumps(told).encode())
    session.add(ThrottleHit(key=f"members.reveal:{rider.id}"))
    session.add(ThrottleHit(key=f"members.reveal:{other.id}"))
    index = sealing.blind_index(session, str(rider.phone), purpose="phone")
    session.add(AccessGrant(
        phone_index=index, phone_masked="139****", role=Role.GRID_WORKER, scope_type=ScopeType.AREA, scope_id=county.grid.id,
        valid_until=clock.now() + timedelta(days=9), revoked_at=clock.now(), granted_by=admin.id,
    ))
    await session.flush()
    counts = await erased(session, rider.id)
    assert counts[erasure.TRACES] == 2
    left = (await session.exec(sa.select(WeChatPushEvent))).scalars().all()
    assert [sealing.unseal(session, event.openid_sealed, table="wechat_push_event", column="openid_sealed", row=event.id)
            for event in left if event.openid_sealed] == openids[1:]
    hits = await session.exec(sa.select(col(ThrottleHit.key)).where(col(ThrottleHit.key).like("members.reveal:%")))
    assert hits.scalars().all() == [f"members.reveal:{other.id}"]
    assert (await session.exec(sa.select(AccessGrant).where(col(AccessGrant.phone_index) == index))).first() is None


async def test_a_rehearsal_changes_nothing(session, people) -> None:
    rider = await people.member()
    await give(session, rider.id, 30)
    before = await points_queries.standing(session, member_id=rider.id)
    tried = await session.begin_nested()
    counts = await me_service.rehearse(session, member_id=rider.id)
    await tried.rollback()
    session.expire_all()
    assert set(counts) == EVERYWHERE and counts["auth"] > 0 and counts["points"] > 0
    assert await points_queries.standing(session, member_id=rider.id) == before
    assert await queries_erasures.get(session, rider.id) is None
    assert counts == await erased(session, rider.id)


async def test_the_certificate_holds_ids_times_and_numbers(session, people) -> None:
    rider = await people.member()
    counts = await erased(session, rider.id)
    certificate = await queries_erasures.get(session, rider.id)
    assert certificate is not None and certificate.counts == counts and set(counts) == EVERYWHERE
    assert certificate.asked_on == clock.today() - timedelta(days=7)
    line = json.loads(journal.written(certificate))
    assert set(line) == {"subject_id", "asked_on", "erased_at", "counts"} and str(rider.phone) not in json.dumps(line)
    with pytest.raises(DBAPIError, match="append-only"):
        async with session.begin_nested(), as_owner(session):
            await session.exec(sa.update(Erasure).values(counts={}))


async def test_a_journal_from_elsewhere_is_gone_through_again(session, people) -> None:
    """The account is there, whole and active: a restored backup. Its line came from the copy that was kept apart."""
    rider, stranger = await people.member(), uuid4()
    text = "".join(
        json.dumps({"subject_id": str(who), "asked_on": "2026-11-01", "erased_at": "2026-11-08T15:50:00Z", "counts": {"auth": 3}}) + "\n"
        for who in (rider.id, stranger)
    )
    assert await me_service.repeat(session, subject_id=rider.id) is None, "nobody is erased whom the journal does not name"
    assert await me_service.enter(session, journal.read(text)) == 2
    assert await me_service.enter(session, journal.read(text)) == 0
    assert await queries_erasures.undone(session) == [rider.id]
    await me_service.repeat(session, subject_id=rider.id)
    assert await queries_erasures.undone(session) == []
    certificate = await queries_erasures.get(session, rider.id)
    assert certificate is not None and certificate.counts == {"auth": 3}, "the first certificate stays"
    with pytest.raises(NotFound):
        await me_service.repeat(session, subject_id=rider.id)


@pytest.mark.parametrize(
    "line", ["not json", '{"subject_id": 1}', json.dumps(
        {"subject_id": str(uuid4()), "asked_on": None, "erased_at": "2026-11-08T15:50:00Z", "counts": {"auth": 1}, "name": "张三"})]
)
def test_a_bad_journal_is_refused_without_repeating_it(line: str) -> None:
    with pytest.raises(journal.BadJournal) as refused:
        list(journal.read(f"\n{line}\n"))
    assert "line 2" in str(refused.value) and "张三" not in str(refused.value)


async def two_at_once(committed: Database) -> tuple[UUID, list[str]]:
    """Both jobs of one person at once, with real commits and an account of our own: what came of each."""
    async with committed.transaction() as session:
        account = await auth_service.ensure_account(session, openid=f"openid-{uuid4()}")
        await due(session, account.id)
    both = asyncio.Barrier(2)

    async def run() -> str:
        async with committed.transaction() as session:
            await session.exec(sa.select(1))
            await both.wait()
            return "nothing to do" if await me_service.erase(session, member_id=account.id) is None else "erased"

    came = await asyncio.gather(run(), run(), return_exceptions=True)
    return account.id, sorted(one if isinstance(one, str) else "failed" for one in came)


async def test_without_its_lock_the_erasure_runs_twice(committed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_queries, "lock_to_erase", auth_queries.get)
    _, came = await two_at_once(committed)
    assert came != ["erased", "nothing to do"]


async def test_two_workers_erase_once(committed: Database) -> None:
    """One does it, the other finds nothing to do."""
    account_id, came = await two_at_once(committed)
    assert came == ["erased", "nothing to do"]
    async with committed.transaction() as session:
        assert (await session.exec(sa.select(sa.func.count()).where(col(Erasure.subject_id) == account_id))).scalar_one() == 1
        assert (await session.get_one(Account, account_id)).status is AccountStatus.ERASED
