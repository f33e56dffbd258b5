"""A shop with its usual custom, and a rider with whom one of its clerks is unusual."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from app import clock
from app.auth.models import AuthSession
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.redemptions.models import Redemption, Status, Verification
from app.reports.models import Report, ReportEvent
from app.reports.words import ActorRole
from app.reports.words import Status as ReportStatus
from tests.redemptions.conftest import Shop, shop
from tests.support.county import County
from tests.support.people import Person

__all__ = ["shop"]
NOON = clock.day_start(clock.today()) + timedelta(hours=12)
TABLES = """
select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1
"""


@dataclass
class Ring:
    """`colleague` serves the shop as `shop.clerk` does; `regulars` are its usual customers."""

    shop: Shop
    session: AsyncSession
    county: County
    reward: UUID
    colleague: Person
    reviewers: list[Person]
    auditor: Person
    regulars: list[UUID] = field(default_factory=list)
    count: int = 0

    async def verified(self, member: UUID, clerk: Person, *, days_ago: int, seconds: float, hours: float = 0, typed: bool = False) -> UUID:
        """An order and its verification, as they stand in the books after so many seconds."""
        at = NOON - timedelta(days=days_ago) + timedelta(hours=hours, minutes=self.count % 30)
        self.count += 1
        order = Redemption(
            number=f"D{clock.local_day(at):%Y%m%d}-{900_000 + self.count}", member_id=member, reward_id=self.reward, reward_name="水",
            quantity=1, points=1, settlement_cents=1, status=Status.VERIFIED, created_at=at - timedelta(seconds=seconds), code_index=None,
            expires_at=at + timedelta(days=1), verification_id=new_id(),
        )
        self.session.add(order)
        await self.session.flush()
        self.session.add(
            Verification(
                id=order.verification_id, redemption_id=order.id, store_id=UUID(self.shop.id), reward_id=self.reward, clerk_id=clerk.id,
                verified_at=at, typed=typed,
            )
        )
        return order.id

    async def usual(self) -> None:
        """Two months of custom: ordered some time before, served by whoever is there."""
        self.regulars = [new_id() for _ in range(30)]
        accounts = sa.text("insert into account (id, kind, status, version) select unnest(cast(:ids as uuid[])), 'wechat', 'active', 1")
        await self.session.exec(accounts, params={"ids": self.regulars})
        for number, regular in enumerate(self.regulars):
            for visit in range(2):
                clerk = (self.shop.clerk, self.colleague)[(number + visit) % 2]
                await self.verified(regular, clerk, days_ago=3 + (number * 2 + visit) % 50, seconds=1_800 + 60 * number, hours=number % 6)
        await self.session.flush()

    async def unusual(self, visits: int = 16, *, first: int = 2) -> list[UUID]:
        """The rider's orders, verified by one clerk seconds after they were placed; one day apart."""
        made = [
            await self.verified(self.shop.rider.id, self.shop.clerk, days_ago=first + visit, seconds=6) for visit in range(visits)
        ]
        await self.session.flush()
        return made

    async def on_one_phone(self, *people: Person) -> None:
        self.session.add_all(
            AuthSession(account_id=one.id, origin=b"o" * 32, expires_at=NOON, last_used_at=NOON, created_at=NOON) for one in people
        )
        await self.session.flush()

    async def accepted(self, member: UUID, reviewer: Person, *, days_ago: int) -> None:
        at, community = NOON - timedelta(days=days_ago), self.county.community
        self.count += 1
        report = Report(
            number=f"R{clock.local_day(at):%Y%m%d}-{900_000 + self.count}", member_id=member, status=ReportStatus.ACCEPTED, created_at=at,
            community_id=community.id, area_path=community.path, lng=116.7, lat=35.5, accepted_at=at,
        )
        self.session.add(report)
        await self.session.flush()
        self.session.add(
            ReportEvent(
                report_id=report.id, command="accept", actor_role=ActorRole.REVIEWER, actor_id=reviewer.id, created_at=at,
                from_status=ReportStatus.SUBMITTED, to_status=ReportStatus.ACCEPTED,
            )
        )

    async def favoured(self) -> None:
        """One of three reviewers accepts all that the rider reports; everybody else's reports are shared out."""
        for number in range(36):
            await self.accepted(self.regulars[number % 30], self.reviewers[number % 3], days_ago=number + 1)
        for number in range(12):
            await self.accepted(self.shop.rider.id, self.reviewers[0], days_ago=number + 1)
        await self.session.flush()

    async def cases(self, who: Person, **params: Any) -> list[dict[str, Any]]:
        answer = await self.shop.get(who, "/collusion/cases", **params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def decide(self, who: Person, case: dict[str, Any], command: str = "dismiss", **headers: str) -> httpx.Response:
        return await self.shop.post(who, f"/collusion/cases/{case['id']}/{command}", {"note": "隔壁站点员工，固定午间到店"}, **headers)

    async def tables(self) -> dict[str, str]:
        """Every table's rows as one digest."""
        connection = await self.session.connection()
        names = (await connection.execute(sa.text(TABLES))).scalars().all()
        digest = "(select md5(coalesce(string_agg(t::text, chr(10) order by t::text), '')) from \"{}\" t)"
        found = await connection.execute(sa.text("select " + ", ".join(digest.format(name) for name in names)))
        return dict(zip(names, found.one(), strict=True))


def changed(before: dict[str, str], after: dict[str, str], *, but: Collection[str] = ()) -> set[str]:
    return {name for name in after if before[name] != after[name]} - set(but)


def ago(days: int) -> datetime:
    return NOON - timedelta(days=days)


@pytest.fixture
async def ring(shop: Shop, county: County) -> Ring:
    made = await shop.reward()
    people = shop.people
    found = Ring(
        shop, shop.session, county, UUID(made["id"]),
        colleague=await people.member(grants=[(Role.STORE_CLERK, ScopeType.STORE, UUID(shop.id))]),
        reviewers=[await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.community.id)]) for _ in range(3)],
        auditor=await people.member(grants=[(Role.AUDITOR, ScopeType.AREA, county.root.id)]),
    )
    await found.usual()
    return found
