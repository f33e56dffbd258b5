"""What the demo needs before the service is ready: the county, its staff, enterprises, organisations, stores, rewards, a 双找 code.

One transaction under one advisory lock: replicas that start together load it once, and a start that died left nothing behind.
"""

import asyncio
import gc
import secrets
import sys
from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa

import app.tables  # noqa: F401 - fills the metadata before the first statement
from app import clock, ports
from app.areas import queries as areas_queries
from app.areas import service as areas_service
from app.areas.models import Area
from app.areas.schemas import AreaIn
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.coverage import service as coverage_service
from app.coverage.models import Duty
from app.coverage.schemas import AssignmentIn
from app.db import session as db_session
from app.db.session import AsyncSession
from app.demo import names, people, plan, speaking, trading
from app.enterprises import service as enterprises_service
from app.enterprises.schemas import EnterpriseIn
from app.errors import AlreadyExists
from app.jobs import service as jobs_service
from app.organisations import service as organisations_service
from app.organisations.schemas import OrganisationIn
from app.parts import session_info
from app.qrcodes import service as qrcodes_service
from app.qrcodes.models import Purpose
from app.rewards import service as rewards_service
from app.rewards import views as rewards_views
from app.rewards.schemas import RewardIn
from app.security import passwords
from app.settings import Settings
from app.stores import service as stores_service
from app.stores.schemas import APART, StoreIn

USERNAME = "admin"
TIMEOUT_MS = 60_000
LOCK = "select pg_advisory_xact_lock(hashtextextended('demo.county', 0))"


@dataclass
class Loading:
    """What one run knows: who acts, and the rows that later rows refer to."""

    session: AsyncSession
    appid: str
    service_version: str
    areas: dict[str, Area] = field(default_factory=dict)
    admin: Principal | None = None

    @property
    def actor(self) -> Principal:
        """The county's administrator, for the audit trail too."""
        assert self.admin is not None
        people.act_as(self.session, self.admin.account_id)
        return self.admin

    async def staff(self, person: str, role: Role, scope_type: ScopeType, scope_id: UUID) -> UUID:
        """Somebody comes in and is given a role."""
        account_id = await people.enter(self.session, appid=self.appid, person=person, service_version=self.service_version)
        await people.appoint(self.session, account_id, role, scope_type, scope_id)
        return account_id


async def load_county(settings: Settings) -> None:
    """Loads the county unless it is there. A generated administrator's password is printed, this once.

    Raises AlreadyExists when some of its area codes or phone numbers are taken by something else.
    """
    assert settings.database_url, "the demo is loaded into a database that is there and migrated"
    ports.connect()
    password = settings.admin_password or secrets.token_urlsafe(12)
    hashed = await passwords.hash_password(password)
    database = db_session.connect(
        settings.database_url, info=session_info(settings) | {"actor": {"kind": "job"}}, name="xinxin-demo", pool_size=1,
        statement_timeout_ms=TIMEOUT_MS,
    )
    try:
        async with database.transaction() as session:
            made = await _load(session, appid=settings.wechat_appid, password_hash=hashed)
    finally:
        await database.close()
    if made and settings.admin_password is None:
        sys.stdout.write(f"演示管理员 {USERNAME} 的密码（只显示这一次）/ demo administrator's password, shown once: {password}\n")
        sys.stdout.flush()


async def _load(session: AsyncSession, *, appid: str, password_hash: str) -> bool:
    """False when the county was there; True when an administrator with this password was made with it."""
    await session.exec(sa.text(f"set local lock_timeout = {TIMEOUT_MS}"))
    await session.exec(sa.text(LOCK))
    if await _present(session):
        return False
    made, platform = await _administrator(session, password_hash)
    loading = Loading(session, appid, (await people.versions(session))["service"])
    await _areas(loading, platform)
    await _staff(loading)
    enterprises = await _enterprises(loading)
    await _coverage(loading, await _organisations(loading, enterprises), enterprises)
    stores = await _stores(loading)
    await _rewards(loading, stores)
    await trading.contracts(session, principal=loading.actor, stores=stores)
    await trading.offers(session, principal=loading.actor, stores=stores)
    await speaking.prepare(session, admin=loading.actor, platform=platform, areas=loading.areas)
    await jobs_service.enqueue(session, "demo.fill", {}, key="demo.fill")
    return made


async def _present(session: AsyncSession) -> bool:
    """A county that somebody made by hand is left alone too."""
    return any(area.path == f"{plan.COUNTY_CODE}/" for area in await areas_queries.ancestors(session, path=f"{plan.COUNTY_CODE}/"))


async def _administrator(session: AsyncSession, password_hash: str) -> tuple[bool, Principal]:
    """The console's administrator; one that `create-admin` has made keeps the own password."""
    known = await auth_queries.by_username(session, username=USERNAME)
    account = known or await auth_service.create_console_account(session, username=USERNAME, password_hash=password_hash)
    try:
        async with session.begin_nested():
            await people.appoint(session, account.id, Role.PLATFORM_ADMIN, ScopeType.PLATFORM, None)
    except AlreadyExists:
        pass
    return known is None, await auth_queries.principal_of(session, account_id=account.id)


async def _areas(loading: Loading, platform: Principal) -> None:
    loading.session.info["actor"] = {"kind": platform.kind.value, "id": platform.account_id}
    for area in plan.areas():
        west, south, east, north = area.box
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        body = AreaIn.model_validate({
            "parent_id": loading.areas[area.parent].id if area.parent else None, "level": area.level, "code": area.code, "name": area.name,
            "boundary": {"type": "Polygon", "coordinates": [ring]},
        })
        loading.areas[area.code] = await areas_service.create(loading.session, principal=platform, body=body)


async def _staff(loading: Loading) -> None:
    """Two administrators of the county, a reviewer of each street and community, a grid worker of each community, an auditor."""
    county = loading.areas[plan.COUNTY_CODE].id
    first, second = people.ADMINS
    admin = await loading.staff(first, Role.AREA_ADMIN, ScopeType.AREA, county)
    loading.admin = await auth_queries.principal_of(loading.session, account_id=admin)
    await loading.staff(second, Role.AREA_ADMIN, ScopeType.AREA, county)
    await loading.staff(people.AUDITOR, Role.AUDITOR, ScopeType.AREA, county)
    for area in (*plan.of_level("street"), *plan.of_level("community")):
        await loading.staff(people.reviewer(area), Role.REVIEWER, ScopeType.AREA, loading.areas[area.code].id)
    for area in plan.of_level("community"):
        await loading.staff(people.worker(area), Role.GRID_WORKER, ScopeType.AREA, loading.areas[area.code].id)


async def _enterprises(loading: Loading) -> list[UUID]:
    made = []
    for name, uscc, kind, headcount in names.ENTERPRISES:
        body = EnterpriseIn.model_validate({
            "name": name, "uscc": uscc, "kind": kind, "headcount": headcount, "area_id": loading.areas[plan.COUNTY_CODE].id,
        })
        enterprise = await enterprises_service.create(
            loading.session, principal=loading.actor, area_id=body.area_id, fields=body.model_dump(exclude={"area_id"})
        )
        made.append(enterprise.id)
    return made


async def _organisations(loading: Loading, enterprises: list[UUID]) -> list[UUID]:
    """The root committee and those of the plan, each with a secretary; the posters' code registers with one of them."""
    people.act_as(loading.session, loading.actor.account_id)
    root = await organisations_service.ensure_root_committee(loading.session, area=loading.areas[plan.COUNTY_CODE])
    await loading.staff(people.secretary(root.name), Role.ORG_SECRETARY, ScopeType.ORGANISATION, root.id)
    above, all_made = root.id, []
    for number, (name, kind, formation, code, enterprise) in enumerate(names.ORGANISATIONS):
        body = OrganisationIn.model_validate({
            "name": name, "kind": kind, "formation": formation, "area_id": loading.areas[code].id, "parent_id": above,
            "enterprise_id": None if enterprise is None else enterprises[enterprise], "phone": f"0537-34100{number:02d}",
        })
        made = await organisations_service.create(
            loading.session, principal=loading.actor, area_id=body.area_id, fields=body.model_dump(exclude={"area_id"})
        )
        await loading.staff(people.secretary(name), Role.ORG_SECRETARY, ScopeType.ORGANISATION, made.id)
        above = made.id if number == 0 else above
        all_made.append(made.id)
        if number == names.CODE_OF:
            await qrcodes_service.issue(
                loading.session, principal=loading.actor, purpose=Purpose.REGISTRATION, target_id=made.id, title="双找登记海报"
            )
    return all_made


async def _coverage(loading: Loading, organisations: list[UUID], enterprises: list[UUID]) -> None:
    """Of five enterprises one has an organisation, two are covered by another's, one has an instructor, one has nobody yet."""
    for organisation, enterprise in names.COVERS:
        await coverage_service.cover(
            loading.session, principal=loading.actor, organisation_id=organisations[organisation], enterprise_id=enterprises[enterprise],
            since=None,
        )
    instructor = await people.enter(
        loading.session, appid=loading.appid, person=people.INSTRUCTOR, service_version=loading.service_version
    )
    told = AssignmentIn(account_id=instructor, role=Duty.INSTRUCTOR)
    await coverage_service.assign(
        loading.session, principal=loading.actor, scope_type=ScopeType.ENTERPRISE, place_id=enterprises[names.INSTRUCTED], told=told
    )


async def _stores(loading: Loading) -> list[UUID]:
    """All stores, and the staff of those that sell water; the staff of the others comes with the filling."""
    made = []
    for store in plan.stores():
        body = StoreIn.model_validate({
            "name": store.name, "category": store.category, "area_id": loading.areas[store.community].id,
            "phone": f"0537-34200{store.number:02d}",
            "location": {"lng": store.lng, "lat": store.lat, "crs": "gcj02"}, "hours": "07:30-22:00",
            "address": f"{plan.by_code()[store.community].name} {store.number} 号", "special_days": trading.holidays(clock.today()),
        })
        row = await stores_service.create(
            loading.session, principal=loading.actor, area_id=body.area_id, location=body.location,
            fields=body.model_dump(exclude=APART), special_days=body.special_days,
        )
        if store.number - 1 in plan.water().stores:
            await loading.staff(people.owner(store), Role.STORE_OWNER, ScopeType.STORE, row.id)
            await loading.staff(people.clerk(store), Role.STORE_CLERK, ScopeType.STORE, row.id)
        made.append(row.id)
    return made


async def _rewards(loading: Loading, stores: list[UUID]) -> None:
    for reward in plan.rewards():
        body = RewardIn.model_validate({
            "name": reward.name, "kind": reward.kind, "points": reward.points, "stock": reward.stock, "valid_days": 30,
            "per_member": {"count": reward.per_month, "period": "month"} if reward.per_month else None,
            "store_ids": [stores[at] for at in reward.stores], "settlement_cents": reward.cents,
        })
        await rewards_service.create(
            loading.session, principal=loading.actor, store_ids=body.store_ids, stock=body.stock,
            fields=rewards_views.columns(body.model_dump(exclude={"store_ids", "stock", "upload_ids"})),
        )


def main() -> None:
    """`python -m app.demo.loading`: loads the county into the database whose address it is told by a line; ends without one."""
    address = sys.stdin.readline().strip()
    if address:
        gc.disable()  # a fifth of the work otherwise, for a process of a few seconds
        asyncio.run(load_county(Settings(database_url=address)))


if __name__ == "__main__":
    main()
