"""What retention does to reports that ended long ago. Whoever calls holds the rows; each step leaves a mark, so that it is done once."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas.models import Area
from app.db.session import AsyncSession
from app.reports import anonymising, eyes, queries, texts
from app.reports.models import Report, ReportClaim, ReportText
from app.reports.queries_places import rounded
from app.reports.service import indexing
from app.uploads import service as uploads_service

# An address is an exact place, and so is what came in another coordinate system.
BARE: dict[str, Any] = {
    "accuracy_m": None, "source_lng": None, "source_lat": None, "source_crs": None, "address_sealed": None,
}


def coarse() -> dict[str, Any]:
    """The columns of a rounded place."""
    return BARE | {"lng": rounded(Report.lng), "lat": rounded(Report.lat), "place_rounded_at": queries.CLOCK}


async def round_places(session: AsyncSession, *, ids: Collection[UUID]) -> None:
    """Makes the places coarse, here and in what the photos say of themselves."""
    await _update(session, ids, coarse())
    await uploads_service.forget_taken(session, owner_ids=ids)


async def leave_areas(session: AsyncSession, *, ids: Collection[UUID]) -> None:
    """Puts the reports into the middle of their community; where nobody drew one, the place gets coarser by a digit."""

    def middle(center: Any, low: Any, high: Any, own: Any) -> sa.ColumnElement[float]:
        return sa.func.coalesce(center, (low + high) / 2, rounded(own, digits=eyes.ROUND_DIGITS - 1))

    place = {
        "lng": middle(col(Area.center_lng), col(Area.west), col(Area.east), Report.lng),
        "lat": middle(col(Area.center_lat), col(Area.south), col(Area.north), Report.lat),
        "place_rounded_at": sa.func.coalesce(col(Report.place_rounded_at), queries.CLOCK), "place_area_only_at": queries.CLOCK,
    }
    await _update(session, ids, BARE | place, col(Area.id) == col(Report.community_id))
    await uploads_service.forget_taken(session, owner_ids=ids)


async def drop_originals(session: AsyncSession, *, ids: Collection[UUID]) -> None:
    """The files as they were sent, with all that they say of themselves."""
    await uploads_service.drop_originals(session, owner_ids=ids)
    await uploads_service.forget_taken(session, owner_ids=ids)
    await _update(session, ids, {"originals_dropped_at": queries.CLOCK})


async def drop_photos(session: AsyncSession, *, ids: Collection[UUID]) -> None:
    await uploads_service.drop_photos(session, owner_ids=ids)
    await _update(session, ids, {"photos_dropped_at": queries.CLOCK})


async def anonymise_texts(session: AsyncSession, *, ids: Collection[UUID]) -> None:
    """Takes numbers and names out of the descriptions, which are sealed anew."""
    found = await session.exec(sa.select(Report).where(col(Report.id).in_(ids)).execution_options(populate_existing=True))
    for report in found.scalars().all():
        text = texts.description(session, report)
        if text is not None and text != (clean := anonymising.anonymised(text)):
            texts.seal(session, report, description=clean, address=None)
    await session.flush()
    await _update(session, ids, {"address_sealed": None, "text_anonymised_at": queries.CLOCK})
    await indexing.index_again(session, ids=ids)


async def anonymise_notes(session: AsyncSession, *, ids: Collection[UUID]) -> None:
    """The same in what was written about the reports: notes, reasons, comments."""
    found = await session.exec(
        sa.select(ReportText).where(col(ReportText.report_id).in_(ids), col(ReportText.text).is_not(None)).order_by(col(ReportText.id))
        .with_for_update().execution_options(populate_existing=True)
    )
    for row in found.scalars().all():
        row.text = anonymising.anonymised(row.text or "")
    await session.flush()
    await _update(session, ids, {"notes_anonymised_at": queries.CLOCK})


async def drop_claims(session: AsyncSession, *, ids: Collection[UUID]) -> None:
    await session.exec(sa.delete(ReportClaim).where(col(ReportClaim.report_id).in_(ids), col(ReportClaim.until) < queries.CLOCK))


async def _update(session: AsyncSession, ids: Collection[UUID], values: dict[str, Any], *where: sa.ColumnElement[bool]) -> None:
    await session.exec(
        sa.update(Report).where(col(Report.id).in_(ids), *where).values(values).execution_options(synchronize_session=False)
    )
