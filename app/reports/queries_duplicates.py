"""Reports that may tell of the same problem: candidates from the index of places and from the prints of photos."""

import dataclasses
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import geo
from app.auth.principal import Principal, within
from app.categories import queries as categories_queries
from app.categories.models import ExactPlace, ReportCategoryVersion
from app.db import acting
from app.db.acting import Reason
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import Forbidden
from app.reports import likeness, queries, workflow
from app.reports.likeness import Match, Other, Spot
from app.reports.models import Report
from app.reports.queries import CLOCK
from app.reports.words import ActorRole, Status
from app.uploads import queries as uploads_queries
from app.uploads.queries_lookalikes import Lookalike, lookalikes

LOOKED_AT = 100  # at most so many of the nearest are compared
KEPT = sa.and_(
    col(ReportCategoryVersion.category_code) == col(Report.category_code),
    col(ReportCategoryVersion.version) == sa.func.coalesce(col(Report.category_version), categories_queries.FIRST),
)
COLUMNS = (
    col(Report.id), col(Report.number), col(Report.status), col(Report.category_code), col(ReportCategoryVersion.parent_code),
    col(Report.lng), col(Report.lat), col(Report.created_at),
    sa.func.coalesce(col(ReportCategoryVersion.exact_place) == ExactPlace.HANDLERS, False).label("guarded"),
)
CANDIDATES = sa.select(*COLUMNS).outerjoin(ReportCategoryVersion, KEPT)


async def for_reporter(session: AsyncSession, *, spot: Spot, but: Collection[UUID]) -> list[Match]:
    """Open reports near by, in one statement, for somebody who may join one of them instead."""
    return likeness.matches(spot, await _around(session, spot, but), stranger=True)


async def of_report(session: AsyncSession, *, principal: Principal, report_id: UUID) -> list[Match]:
    """For its reporter until it is accepted: what is open near by; for staff: all that they may see, by photo too.

    Raises NotFound, Forbidden.
    """
    seen = await queries.access(session, principal=principal, report_id=report_id)
    report, parts = seen.report, seen.parts(principal)
    category = await categories_queries.policy_of(session, (report.category_code, report.category_version))
    spot = Spot(report.lng, report.lat, report.created_at, likeness.reach(category))
    if ActorRole.REPORTER in parts:
        if report.status is not Status.SUBMITTED:
            raise Forbidden
        return await for_reporter(session, spot=spot, but=[report.id])
    if seen.joined:
        raise Forbidden
    around = [] if report.place_rounded_at else await _around(session, spot, _one_with(report))
    return likeness.matches(spot, _merged(around, await _by_photo(session, principal, report)), stranger=False)


async def _around(session: AsyncSession, spot: Spot, but: Collection[UUID]) -> list[Other]:
    if spot.reach.radius_m == 0:
        return []
    async with acting.serving(session, Reason.AROUND):
        found = await NEAREST[spot.reach.category_code is not None].all(session, **values(spot, but))
    return [Other(*row.values()) for row in found]


def nearest(*, of_kind: bool) -> sa.Select[*tuple[Any, ...]]:
    """The nearest open reports within the reach, of the same kind or of one that is kindred or not named yet; or of any kind."""
    west, south, east, north, lng, lat = (sa.bindparam(name, type_=sa.Float) for name in ("west", "south", "east", "north", "lng", "lat"))
    since, until = (sa.bindparam(name, type_=sa.DateTime(timezone=True)) for name in ("since", "until"))
    point, but = sa.func.point(col(Report.lng), col(Report.lat)), sa.bindparam("but", type_=sa.ARRAY(sa.Uuid))
    asked = CANDIDATES.where(
        col(Report.ended_at).is_(None), point.op("<@")(sa.func.box(sa.func.point(west, south), sa.func.point(east, north))),
        sa.between(col(Report.created_at), since, until), col(Report.id) != sa.all_(sa.cast(but, sa.ARRAY(sa.Uuid))),
        *(_kind() if of_kind else ()),
    )
    return asked.order_by(point.op("<->")(sa.func.point(lng, lat))).limit(LOOKED_AT)


def _kind() -> Iterable[sa.ColumnElement[bool]]:
    code, parent = col(Report.category_code), col(ReportCategoryVersion.parent_code)
    wanted, of_group = (sa.bindparam(name, type_=sa.Text) for name in ("category_code", "parent_code"))
    return (sa.or_(code == wanted, code.is_(None), parent == of_group),)


NEAREST = {of_kind: Prepared(nearest(of_kind=of_kind)) for of_kind in (True, False)}


def values(spot: Spot, but: Collection[UUID]) -> dict[str, Any]:
    """What `nearest` asks for."""
    reach, kind = spot.reach, {}
    west, south, east, north = geo.around(spot.lng, spot.lat, reach.radius_m)
    if reach.category_code is not None:
        kind = {"category_code": reach.category_code, "parent_code": reach.parent_code}
    return {
        "west": west, "south": south, "east": east, "north": north, "lng": spot.lng, "lat": spot.lat, "since": spot.at - reach.span,
        "until": spot.at + reach.span, "but": list(but), **kind,
    }


async def _by_photo(session: AsyncSession, principal: Principal, report: Report) -> list[Other]:
    """Reports of the caller's areas with a photo that shows the same: open ones, and those that ended not long ago."""
    uploads = (await uploads_queries.photos(session, [report.id])).get(report.id, [])
    alike = await lookalikes(session, upload_ids=[one.id for one in uploads if one.kind == "report_before"])
    nearest: dict[UUID, Lookalike] = {}
    for one in alike:
        if one.owner_kind == "report_before":
            nearest.setdefault(one.owner_id, one)
    found = await session.exec(CANDIDATES.where(*_comparable(principal, report, nearest)))
    others = [Other(*row) for row in found.all()]
    return [
        dataclasses.replace(other, photo_bits=nearest[other.id].distance, same_file=nearest[other.id].same_file) for other in others
    ]


def _comparable(principal: Principal, report: Report, ids: Collection[UUID]) -> tuple[sa.ColumnElement[bool], ...]:
    """Not those that are one with the report already, nor what lies outside of the caller's areas."""
    lately = sa.or_(col(Report.ended_at).is_(None), col(Report.ended_at) > CLOCK - likeness.ENDED_WITHIN)
    one_already = sa.or_(col(Report.id).in_(_one_with(report)), col(Report.merged_into).in_(_one_with(report)))
    mine = within(Report.area_path, principal.area_paths(*workflow.STAFF))
    return col(Report.id).in_(ids), lately, ~sa.func.coalesce(one_already, False), mine


def _one_with(report: Report) -> list[UUID]:
    return [report.id, *([report.merged_into] if report.merged_into else [])]


def _merged(around: list[Other], by_photo: list[Other]) -> list[Other]:
    """What was found in both ways once, as it was found by its photo."""
    found: dict[UUID, Any] = {other.id: other for other in around} | {other.id: other for other in by_photo}
    return list(found.values())
