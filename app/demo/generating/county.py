"""What the generated reports refer to: the demo county's areas and officials, categories, points rules, working hours."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area
from app.categories import queries as categories_queries
from app.categories.models import ReportCategoryVersion
from app.db.session import AsyncSession
from app.demo import names, people
from app.demo import plan as county_plan
from app.demo.generating import clocks, shops
from app.demo.generating.clocks import Limit
from app.demo.generating.lives import Who
from app.demo.generating.plan import Plan
from app.demo.generating.shops import Offer
from app.points import queries_rules as points_queries_rules
from app.points.models import PointsRule
from app.reports.words import Stage
from app.workdays import queries as workdays_queries

RULES = ("REPORT_ACCEPTED", "REPORT_CLOSED", "HAZARD_ACCEPTED", "REPORT_JOINED", "LESSON_PASSED", "VOLUNTEER_HOUR")
MARGIN = 0.02  # of a grid's side: nothing lies on a border


@dataclass(frozen=True, slots=True)
class Grid:
    """Where reports are filed, and who works there."""

    id: UUID
    path: str
    box: county_plan.Box
    community_id: UUID
    community: str
    staff: Mapping[Who, UUID]

    def somewhere(self, chance: random.Random) -> tuple[float, float]:
        west, south, east, north = self.box
        return (
            round(west + (east - west) * chance.uniform(MARGIN, 1 - MARGIN), 6),
            round(south + (north - south) * chance.uniform(MARGIN, 1 - MARGIN), 6),
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that is reported."""

    policy: ReportCategoryVersion
    words: str
    limits: Mapping[Stage, Limit]


@dataclass(frozen=True, slots=True)
class County:
    appid: str
    versions: dict[str, str]
    grids: Sequence[Grid]
    kinds: Sequence[Kind]
    rules: Mapping[str, PointsRule]
    offers: Sequence[Offer]


async def gather(session: AsyncSession, plan: Plan, *, appid: str) -> County:
    """Raises LookupError when the demo county is not as it was loaded."""
    rules = {code: await _rule(session, code, clock.local_day(plan.until)) for code in RULES}
    calendar = await workdays_queries.calendar(
        session, start=plan.start - clocks.AROUND, end=plan.until + clocks.AROUND
    )
    working, kinds = clocks.WorkingRuler.over(plan.start, plan.until, calendar), []
    for code, words in names.REPORTS:
        policy = await categories_queries.leaf(session, code)
        if policy is None:
            raise LookupError(code)
        kinds.append(Kind(policy, words, clocks.limits(policy, working)))
    offers = await shops.offers(session, appid=appid) if plan.entries else []
    return County(appid, await people.versions(session), await _grids(session, appid), kinds, rules, offers)


async def _rule(session: AsyncSession, code: str, on: date) -> PointsRule:
    rule = await points_queries_rules.rule_in_force(session, code=code, area_path=f"{county_plan.COUNTY_CODE}/", on=on)
    if rule is None:
        raise LookupError(code)
    return rule


async def _grids(session: AsyncSession, appid: str) -> list[Grid]:
    found = await session.exec(sa.select(Area).where(col(Area.code).in_(list(county_plan.by_code()))))
    known = {area.code: area for area in found.scalars().all()}
    grids = []
    for community in county_plan.of_level("community"):
        street = county_plan.by_code()[str(community.parent)]
        staff = {
            Who.REVIEWER: await _account(session, appid, people.reviewer(community)),
            Who.CHIEF: await _account(session, appid, people.reviewer(street)),
            Who.WORKER: await _account(session, appid, people.worker(community)),
        }
        for grid in county_plan.of_level("grid"):
            if grid.parent == community.code:
                own, above = known[grid.code], known[community.code]
                grids.append(Grid(own.id, own.path, grid.box, above.id, community.name, staff))
    return grids


async def _account(session: AsyncSession, appid: str, person: str) -> UUID:
    return (await people.principal(session, appid=appid, person=person)).account_id
