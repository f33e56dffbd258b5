"""Row security, the second wall (S27): what a statement finds when the queries' own scope filter is gone."""

import ast
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from app import clock
from app.auth.principal import Principal, acting_for
from app.auth.roles import Role, ScopeType
from app.complaints import queries as complaints_queries
from app.complaints.models import Complaint, Kind
from app.db import acting, roles
from app.db.acting import NOBODY, SERVICE, Acting, Reason
from app.db.base import new_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.members import service as members_service
from app.messages import queries as messages_queries
from app.messages import service as messages_service
from app.messages.models import Message
from app.points import service as points_service
from tests.support.county import County
from tests.support.owner import as_owner
from tests.support.row_security_open import OPEN

APP = Path(__file__).resolve().parents[2] / "app"
API = "/api/v1"
GUARDED = sa.text("select relname, relrowsecurity, relforcerowsecurity from pg_class where relkind in ('r', 'p')"
                  " and relnamespace = 'public'::regnamespace")
POLICIES = sa.text("select tablename, cmd, permissive, roles::text[], qual, with_check from pg_policies where schemaname = 'public'")
# Reason → the modules that go beyond their caller's reach for it, and in how many places.
BEYOND = {
    "SIGN_IN": {"auth/routes.py": 3},
    "RIGHTS": {"auth/queries.py": 2},
    "GRANT": {"auth/service/grants.py": 2},
    "SCAN": {"checkins/queries.py": 1, "proofs/queries.py": 1},
    "TILL": {"redemptions/queries.py": 1, "discounts/queries.py": 1},
    "CLAW_BACK": {"points/queries_proposals.py": 1},
    "HAND_OVER": {"registrations/service/decide.py": 2, "reports/service/handover.py": 1},
    "MERGE": {"reports/queries_merges.py": 1, "reports/service/joins.py": 3},
    "AROUND": {"reports/queries_places.py": 1, "reports/queries_duplicates.py": 1},
    "JOIN": {"reports/service/joins.py": 1},
    "LINK": {"uploads/queries.py": 1},
    "COPY": {"reports/queries.py": 1},
    "PHOTOS": {"stores/service/applying.py": 1, "uploads/service.py": 1},
    "BOOKS": {"invariants/service.py": 1},
    "FIGURES": {
        "budgets/queries.py": 1, "dispatching/queries.py": 1, "inbox/queries.py": 1, "points/trial.py": 1,
        "publicity/service/publishing.py": 1, "retention/queries.py": 1, "rosters/queries.py": 1, "statements/queries.py": 1,
        "statistics/queries_map.py": 1,
    },
    "TELL": {"messages/service.py": 1},
    "NOTE": {"points/proposals.py": 1, "points/service/noting.py": 1},
    "LEDGER": {"points/ledger.py": 1, "points/service/orders.py": 2},
}
pytestmark = pytest.mark.check("S27", tier="P")


async def say(session: AsyncSession, told: Acting) -> None:
    connection = await session.connection()
    await connection.execute(acting.ENTERED.statement, {**told.values, "lasting": False})


async def guarded(session: AsyncSession) -> list[str]:
    return sorted(row.relname for row in (await session.exec(GUARDED)).all() if row.relrowsecurity)


async def test_every_table_is_guarded_or_says_why_not(session: AsyncSession) -> None:
    rows = (await session.exec(GUARDED)).all()
    walled = {row.relname for row in rows if row.relrowsecurity}
    assert walled == {row.relname for row in rows if row.relforcerowsecurity}, "the owner is held too"
    everything = {row.relname for row in rows}
    assert (everything - walled - set(OPEN), walled & set(OPEN), set(OPEN) - everything) == (set(), set(), set())


async def test_every_policy_says_what_may_be_seen_and_what_may_be_written(session: AsyncSession) -> None:
    found: dict[str, set[str]] = {}
    for row in (await session.exec(POLICIES)).all():
        found.setdefault(row.tablename, set()).add(row.cmd)
        assert row.permissive == "PERMISSIVE" and row[3] == [roles.SERVICE if row.cmd == "ALL" else "public"], row.tablename
        assert (row.qual is None) == (row.cmd == "INSERT") and (row.with_check is None) == (row.cmd in ("SELECT", "DELETE")), row
    assert found == {table: {"ALL", "SELECT", "INSERT", "UPDATE", "DELETE"} for table in await guarded(session)}


async def test_the_service_is_planned_as_if_there_were_no_policy(session: AsyncSession) -> None:
    """What is no leakproof operator finds its way by an index again; everybody else is asked in each plan."""
    plans = {}
    for table in await guarded(session):
        plans[table] = "\n".join((await session.exec(sa.text(f"explain (costs off) select ctid from {table}"))).scalars())
    assert {table: plan for table, plan in plans.items() if "Filter" in plan or "acting" in plan} == {}
    await say(session, NOBODY)
    for table in plans:
        assert "InitPlan" in "\n".join((await session.exec(sa.text(f"explain select ctid from {table}"))).scalars()), table


async def test_the_role_follows_whom_a_unit_of_work_acts_for(session: AsyncSession, two: "Two") -> None:
    role = sa.text("select current_user::text")
    assert (await session.exec(role)).scalar_one() == roles.SERVICE
    await say(session, acting_for(two.rider.principal))
    assert (await session.exec(role)).scalar_one() == roles.APP
    async with session.begin_nested() as savepoint:
        await say(session, SERVICE)
        assert (await session.exec(role)).scalar_one() == roles.SERVICE
        await savepoint.rollback()
    assert (await session.exec(role)).scalar_one() == roles.APP
    async with as_owner(session):
        owner = (await session.exec(role)).scalar_one()
        await say(session, SERVICE)
        assert (await session.exec(role)).scalar_one() == owner, "an operator's hand stays the owner's"
    assert (await session.exec(role)).scalar_one() == roles.APP


async def test_nobody_passes_by_role_function_or_view(session: AsyncSession) -> None:
    """The application owns nothing and cannot step round a policy; no function or view lends it its owner's rights."""
    able = sa.text("select rolname from pg_roles where rolname like 'xinxin%' and (rolsuper or rolbypassrls)")
    owned = sa.text("select relname from pg_class where pg_get_userbyid(relowner) like 'xinxin%'")
    lending = sa.text("select proname from pg_proc where prosecdef and pronamespace in ('public'::regnamespace, 'jobs'::regnamespace)")
    views = sa.text("select relname from pg_class where relkind in ('v', 'm') and relnamespace = 'public'::regnamespace")
    for asked in (able, owned, lending, views):
        assert (await session.exec(asked)).all() == [], str(asked)
    looking = sa.text("select proname from pg_proc where 'xinxin.account=*' = any(proconfig) order by 1")
    assert list((await session.exec(looking)).scalars()) == [
        "checkin_appointment_once", "points_entries_balance", "report_category_parent", "report_in_reach", "settlement_adds_up",
        "store_contract_is_alone", "verified_in_reach",
    ], "reviewed: triggers that let nothing out but a refusal, and yes-or-no questions about the caller's own reach"
    serving = sa.text("select proname from pg_proc where 'role=xinxin_service' = any(proconfig) order by 1")
    assert list((await session.exec(serving)).scalars()) == [
        "account_of_phone", "accounts_named", "acting_administers", "contact_card", "grant_scope", "grant_waits_for", "granted_to",
        "holds_office", "holds_role", "member_area", "members_agreeing", "members_named", "other_administrator", "publicity_lines",
        "report_dispatched_at", "report_number", "reports_numbered", "shortlisted", "staff_at", "staff_covering",
    ], "reviewed: an instant, a number, ids, yes or no; of people, cards and lists what is shown beside things, by ids that the caller has"


def test_the_places_that_go_beyond_their_caller_are_known() -> None:
    found: dict[str, Counter[str]] = {}
    for path in APP.rglob("*.py"):
        source = path.read_text()
        for node in ast.walk(ast.parse(source)) if "Reason." in source or "acting.SERVICE" in source else ():
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
                continue
            module, said = str(path.relative_to(APP)), (node.value.id, node.attr)
            if said[0] == "Reason" and said[1] in Reason.__members__:
                found.setdefault(said[1], Counter())[module] += 1
            assert said != ("acting", "SERVICE") or module in {"worker.py", "db/session.py", "auth/routing.py", "demo/filling.py"}, module
    assert {reason: dict(places) for reason, places in found.items()} == BEYOND and set(BEYOND) == set(Reason.__members__)


class Two:
    """Two counties that know nothing of each other: a rider with something in many tables, and an administrator, in each."""

    def __init__(self, here: Any, there: Any, complaint: UUID) -> None:
        (self.rider, self.admin), (self.stranger, self.foreign_admin) = here, there
        self.complaint = complaint


@pytest.fixture
async def two(session: AsyncSession, people: Any, county: County) -> Two:
    sides = []
    for area in (county.grid, county.other_grid):
        rider = await people.member()
        await members_service.set_profile(session, member_id=rider.id, real_name="王小明", area=area)
        await messages_service.send(session, member_id=rider.id, category="report", title="标题", body=f"canary {rider.id}")
        await points_service.award(
            session, member_id=rider.id, rule="REPORT_ACCEPTED", source_type="report", source_id=new_id(), source_number=None,
            filed_at=clock.now(), area_path=area.path, points=10, actor_id=None,
        )
        session.add(Complaint(id=new_id(), member_id=rider.id, kind=Kind.COMPLAINT, area_path=area.path, text_sealed=b"canary"))
        await session.flush()
        sides.append((rider, await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, area.id)])))
    kept = await session.exec(sa.select(col(Complaint.id)).where(col(Complaint.member_id) == sides[0][0].id))
    return Two(sides[0], sides[1], kept.scalar_one())


async def owners(session: AsyncSession, table: str, column: str) -> set[UUID]:
    return set((await session.exec(sa.text(f"select {column} from {table} where {column} is not null"))).scalars())


OWNED = {
    "message": "member_id", "points_balance": "member_id", "points_transaction": "member_id", "points_lot": "member_id",
    "points_entry": "member_id", "points_award": "member_id", "complaint": "member_id", "auth_session": "account_id",
}


async def test_whoever_asks_for_everything_gets_their_own(session: AsyncSession, two: Two) -> None:
    """No filter at all, table by table: nothing for nobody, the own rows for a rider, the own area's for its administrator."""
    everything = {table: await owners(session, table, column) for table, column in OWNED.items()}
    assert all({two.rider.id, two.stranger.id} <= found for found in everything.values()), "the service sees them all"
    await say(session, NOBODY)
    for table in await guarded(session):
        assert (await session.exec(sa.text(f"select 1 from {table} limit 1"))).first() is None, table
    await say(session, acting_for(two.rider.principal))
    assert {table: await owners(session, table, column) for table, column in OWNED.items()} == {table: {two.rider.id} for table in OWNED}
    await say(session, acting_for(two.foreign_admin.principal))
    assert await owners(session, "complaint", "member_id") == await owners(session, "points_award", "member_id") == {two.stranger.id}
    assert await owners(session, "points_balance", "member_id") == await owners(session, "message", "member_id") == set()


async def test_a_foreign_row_can_be_neither_written_nor_given_away(session: AsyncSession, two: Two) -> None:
    await say(session, acting_for(two.rider.principal))
    for change in (
        "update message set read_at = now() where member_id = :other", "delete from message where member_id = :other",
        "update points_balance set available = available + 1 where member_id = :other",
    ):
        changed = await session.exec(sa.text(change), params={"other": two.stranger.id})
        assert isinstance(changed, sa.CursorResult) and changed.rowcount == 0, change
    for change in (
        "update points_balance set member_id = :other where member_id = :me", "update message set member_id = :other where member_id = :me",
        "insert into message_grant (member_id, template_id, count) values (:other, 'x', 1)",
    ):
        with pytest.raises(DBAPIError, match="row-level security"):
            async with session.begin_nested():
                await session.exec(sa.text(change), params={"other": two.stranger.id, "me": two.rider.id})


def _no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data layer as it must not be: every scope predicate is true, every row is visible."""

    async def inbox(session: AsyncSession, *, limit: int, **_filters: Any) -> Any:
        return (await session.exec(sa.select(Message).order_by(col(Message.id).desc()).limit(limit + 1))).scalars().all()

    monkeypatch.setattr(messages_queries, "inbox", inbox)
    monkeypatch.setattr(complaints_queries, "within", lambda *_: sa.true())
    monkeypatch.setattr(complaints_queries, "_visible", lambda *_: True)
    monkeypatch.setattr(Principal, "covers", lambda *_: True)


async def leaks(client: Any, two: Two) -> list[str]:
    """Where the rider, or the administrator of the other county, gets hold of what is not theirs."""
    found = []
    if str(two.stranger.id) in (await client.get(f"{API}/messages", headers=two.rider.headers)).text:
        found.append("inbox")
    listed = await client.get(f"{API}/complaints", headers=two.foreign_admin.headers)
    assert listed.status_code == 200
    if str(two.complaint) in listed.text:
        found.append("complaints")
    answered = await client.post(f"{API}/complaints/{two.complaint}/answer", json={"answer": "好"}, headers=two.foreign_admin.headers)
    if answered.status_code != 404:
        found.append("answer")
    return found


async def test_without_the_queries_filter_row_security_alone_holds(client: Any, two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complaints_queries, "text", lambda *_: "")
    _no_filter(monkeypatch)
    assert await leaks(client, two) == []


@pytest.mark.variant("S27")
async def test_without_both_walls_everything_leaks(client: Any, two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known-bad variant: whoever is found acts as the service."""
    monkeypatch.setattr(complaints_queries, "text", lambda *_: "")
    _no_filter(monkeypatch)
    monkeypatch.setattr("app.auth.queries.CALLER", Prepared(sa.text(
        "select * from signed_in(:session_id, :account_id, :key, :enter, :lasting) where set_config('xinxin.account', '*', true) = '*'"
    ).bindparams(sa.bindparam("key", type_=sa.Text), sa.bindparam("session_id", type_=sa.Uuid), sa.bindparam("account_id", type_=sa.Uuid))))
    monkeypatch.setattr("app.auth.queries.acting_for", lambda _: SERVICE)
    assert await leaks(client, two) == ["inbox", "complaints", "answer"]
