"""One part of the county's life: its riders, their reports, what they redeem. A run that died goes on where it stopped.

Few people, reports or lives of reports are one transaction, so what exists is whole, and what is missing can be told. The photos' objects
are put into the store before the transaction begins.
"""

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

import uvloop
from anyio import to_thread

import app.tables  # noqa: F401 - fills the metadata before the first statement
from app import clock, observability, parts, ports
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db import acting
from app.db.session import AsyncSession, Database
from app.demo import cast as casts
from app.demo import lives, people, photos, plan, speaking
from app.demo.cast import Cast
from app.demo.lives import Life
from app.demo.plan import OrderPlan, ReportPlan, RiderPlan
from app.process import end_with_parent
from app.redemptions import queries as redemptions_queries
from app.redemptions import service as redemptions_service
from app.redemptions import till
from app.registrations import queries as registrations_queries
from app.registrations import service as registrations_service
from app.registrations.models import Registration, Status
from app.registrations.schemas import ApproveIn, RegistrationIn
from app.reports import queries_lines as reports_queries_lines
from app.settings import Settings
from app.storage.store import ObjectStore
from app.uploads import keeping
from app.uploads.keeping import Kept

Wish = tuple[str, Role, ScopeType, UUID]
Filed = tuple[UUID, str]  # a report and its state
T = TypeVar("T")
MOST = 1_000  # no rider of the demo has as many reports or orders
PURPOSES = ("service", "location")
NEXT_CONTACT = timedelta(days=14)
NICENESS, TIMEOUT_MS = 5, 30_000
AT_ONCE = 5
ALONE = 1  # an order locks its reward's stock until the commit, and the other lane waits for it


async def fill(database: Database, store: ObjectStore, *, appid: str, part: int) -> None:
    """Makes what is missing of a part. Raises LookupError when the county was not loaded under this AppID."""
    async with database.transaction() as session:
        cast = await casts.gather(session, appid=appid)
    for wishes in _few(_staff(cast, part)):
        async with database.transaction() as session:
            for wish in wishes:
                await _hire(session, appid, cast.versions["service"], wish)
    for numbers in _few(plan.riders_of(part), ALONE):
        async with database.transaction() as session:
            for number in numbers:
                await _register(session, cast, plan.riders()[number], approved=number % (2 * plan.PARTY_MEMBER_EVERY) == 0)
    async with database.transaction() as session:
        filed = {number: await _filed(session, await cast.play(session, plan.riders()[number].person)) for number in plan.riders_of(part)}
    await _file(database, store, cast, plan.reports_of(part), filed)
    await _live(database, store, cast, plan.reports_of(part), filed)
    for orders in _few(plan.orders_of(part), ALONE):
        async with database.transaction() as session:
            for order in orders:
                await _order(session, cast, order)


def _few(things: Sequence[T], size: int = AT_ONCE) -> Iterator[Sequence[T]]:
    for first in range(0, len(things), size):
        yield things[first : first + size]


def _staff(cast: Cast, part: int) -> list[Wish]:
    """The staff that `loading` has left out: of every tenth store, and of an enterprise."""
    wishes: list[Wish] = []
    for position in range(part, plan.STORES, plan.PARTS):
        if position not in plan.water().stores:
            store, store_id = plan.stores()[position], cast.stores[position]
            wishes.append((people.owner(store), Role.STORE_OWNER, ScopeType.STORE, store_id))
            wishes.append((people.clerk(store), Role.STORE_CLERK, ScopeType.STORE, store_id))
    if part < len(cast.enterprises):
        wishes.append((people.contact(part), Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, cast.enterprises[part]))
    return wishes


async def _hire(session: AsyncSession, appid: str, service_version: str, wish: Wish) -> None:
    person, role, scope_type, scope_id = wish
    account_id = await people.known(session, appid=appid, person=person)
    if account_id is not None and await auth_queries.grants_of(session, account_id=account_id):
        return
    account_id = await people.enter(session, appid=appid, person=person, service_version=service_version)
    await people.appoint(session, account_id, role, scope_type, scope_id)


async def _register(session: AsyncSession, cast: Cast, rider: RiderPlan, *, approved: bool) -> None:
    """The rider signs in and registers, with phone and consents in the same call; some Party members are taken in at once."""
    account_id = await people.arrive(session, appid=cast.appid, person=rider.person)
    if await registrations_queries.open_of(session, member_id=account_id) is not None:
        return
    in_party = rider.political_status == "full_member"
    told = RegistrationIn.model_validate({
        "consents": [{"purpose": one, "version": cast.versions[one]} for one in (*PURPOSES, *(["party_identity"] if in_party else []))],
        "real_name": rider.real_name, "occupation": rider.occupation, "work_area_id": cast.areas[rider.community],
        "employers": [] if rider.enterprise is None else [{"enterprise_id": cast.enterprises[rider.enterprise]}],
        "political_status": rider.political_status, "phone_code": "from-the-phone-button",
        "party": {"home_branch": "外县某村党支部", "relation": "elsewhere"} if in_party else None,
    })
    me = await auth_queries.principal_of(session, account_id=account_id)
    row = await registrations_service.register(session, principal=me, told=told, phone=people.phone(rider.person))
    if approved and row.status is Status.PENDING:
        await _approve(session, row)


async def _approve(session: AsyncSession, row: Registration) -> None:
    """By the secretary of the organisation, who becomes the contact person."""
    assert row.organisation_id is not None
    staff = await auth_queries.staff_of(session, scope_type=ScopeType.ORGANISATION, scope_id=row.organisation_id)
    secretary = next(grant.account_id for grant in staff if grant.account_id is not None)
    people.act_as(session, secretary)
    told = ApproveIn.model_validate({
        "management": "mobile", "contact_account_id": secretary, "next_contact_on": clock.local_day(clock.now() + NEXT_CONTACT),
    })
    principal = await auth_queries.principal_of(session, account_id=secretary)
    await registrations_service.approve(session, principal=principal, registration_id=row.id, told=told, seen=None)


async def _filed(session: AsyncSession, rider: Principal) -> list[Filed]:
    """The rider's own reports, oldest first."""
    found = await reports_queries_lines.mine(session, principal=rider, limit=MOST, after=None)
    return sorted((seen.report.id, seen.report.status.value) for seen in found if seen.report.member_id == rider.account_id)


async def _file(database: Database, store: ObjectStore, cast: Cast, reports: Sequence[ReportPlan], filed: dict[int, list[Filed]]) -> None:
    """Files what is missing, in the plan's order."""
    for some in _few([report for report in reports if report.turn >= len(filed[report.rider])], ALONE):
        photos_kept = [await _kept(store, report.category) for report in some]
        async with database.transaction() as session:
            for report, before in zip(some, photos_kept, strict=True):
                filed[report.rider].append((await lives.file(Life(session, cast, report), before), lives.FIRST))


async def _live(database: Database, store: ObjectStore, cast: Cast, reports: Sequence[ReportPlan], filed: dict[int, list[Filed]]) -> None:
    """Leads every report that is as it was filed to its outcome."""
    waiting = [(report, *filed[report.rider][report.turn]) for report in reports if lives.STEPS[report.outcome]]
    for some in _few([(report, report_id) for report, report_id, status in waiting if status == lives.FIRST]):
        photos_kept = [await _kept(store, photos.AFTER) if lives.has_after(report.outcome) else None for report, _ in some]
        async with database.transaction() as session:
            for (report, report_id), after in zip(some, photos_kept, strict=True):
                other = None if report.into is None else reports[report.into]
                into = None if other is None else filed[other.rider][other.turn][0]
                life = Life(session, cast, report, report_id, after, into)
                for step in lives.STEPS[report.outcome]:
                    await step(life)


async def _kept(store: ObjectStore, kind: str) -> Kept:
    return await keeping.keep(store, await to_thread.run_sync(partial(photos.picture, kind)))


async def _order(session: AsyncSession, cast: Cast, order: OrderPlan) -> None:
    """A bottle of water: ordered, and fetched at the store, or given up, or still to be fetched."""
    rider = await cast.play(session, plan.riders()[order.rider].person)
    if await redemptions_queries.own(session, principal=rider, status=None, limit=1, after=None):
        return
    placed = await redemptions_service.place(session, principal=rider, reward_id=cast.water, quantity=1)
    if order.end == "cancelled":
        await redemptions_service.cancel(session, principal=rider, redemption_id=placed.id, seen=None)
    if order.end == "verified":
        code = placed.code
        clerk = await cast.play(session, people.clerk(plan.stores()[order.store]))
        await till.verify(session, principal=clerk, store_id=cast.stores[order.store], code=code, token=None)


def _opened(settings: Settings) -> AbstractAsyncContextManager[parts.Parts]:
    """It plays many people in one unit of work, which no single one of them could."""
    return parts.opened(
        settings, name="xinxin-demo", statement_timeout_ms=TIMEOUT_MS, actor={"kind": "job"}, acting_for=acting.SERVICE,
    )


async def _lane(settings: Settings, first: int) -> None:
    async with _opened(settings) as opened:
        for part in range(first, plan.PARTS, plan.LANES):
            await fill(opened.database, opened.store, appid=settings.wechat_appid, part=part)


async def _speak(settings: Settings) -> None:
    async with _opened(settings) as opened:
        await speaking.speak(opened.database, appid=settings.wechat_appid)


def main() -> None:
    """`python -m app.demo.filling`: fills every part, in lanes side by side, behind everything else that wants to work on this machine.

    A lane is a fork of this process: the code is loaded once. Exit code 1 when a lane failed.
    """
    end_with_parent()
    os.nice(NICENESS)
    gc.disable()  # a fifth of the work otherwise, and the process is gone in half a minute
    observability.configure("demo")
    ports.connect()
    lanes = [_forked(lane) for lane in range(plan.LANES)]
    failed = [lane for lane in lanes if os.waitstatus_to_exitcode(os.waitpid(lane, 0)[1])]
    if failed:
        sys.exit(1)
    uvloop.run(_speak(Settings()))


def _forked(lane: int) -> int:
    """The process id of a lane. Only before any thread or loop of this process."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    end_with_parent(parent)
    uvloop.run(_lane(Settings(), lane))
    sys.exit(0)


if __name__ == "__main__":
    main()
