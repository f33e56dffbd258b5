"""Rows of applications as answers. What belongs to the rows of a page is read for all of them at once."""

from collections.abc import Sequence

from app.areas import queries as areas_queries
from app.areas.schemas import place_out
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.enterprises import workflow as enterprises_workflow
from app.members import queries as members_queries
from app.schemas import named
from app.stores import queries, queries_applications, workflow_applications
from app.stores.models_applications import StoreApplication
from app.stores.schemas_applications import ApplicationOut
from app.uploads import links
from app.uploads import queries as uploads_queries


async def shown(session: AsyncSession, principal: Principal, rows: Sequence[StoreApplication]) -> list[ApplicationOut]:
    """The applicant needs no name for oneself; whoever decides reads an alias."""
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    stores = await queries.by_ids(session, {row.store_id for row in rows if row.store_id is not None})
    photos = await uploads_queries.photos(session, [row.id for row in rows])
    reasons = await queries_applications.reasons(session, rows)
    aliases = await members_queries.aliases(session, [row.applicant_id for row in rows if row.applicant_id != principal.account_id])
    return [
        ApplicationOut.model_validate(
            {
                "id": row.id, "number": row.number, "status": row.status, "area": named(areas[row.area_id]), "category": row.category,
                "name": row.name, "location": place_out(row.lng, row.lat), "address": row.address,
                "phone": queries_applications.phone(session, row), "hours": row.hours,
                "uscc": row.uscc, "warnings": _warnings(row), "applicant": aliases.get(row.applicant_id),
                "photos": [links.uploaded(session, photo) for photo in photos.get(row.id, [])],
                "reason": reasons.get(row.reason_id) if row.reason_id else None, "decided_at": row.decided_at,
                "store": named(stores[row.store_id]) if row.store_id else None, "at": row.created_at, "version": row.version,
                "allowed": workflow_applications.allowed(principal, row),
            }
        )
        for row in rows
    ]


async def one(session: AsyncSession, principal: Principal, row: StoreApplication) -> ApplicationOut:
    return (await shown(session, principal, [row]))[0]


def _warnings(row: StoreApplication) -> list[str]:
    return [] if row.uscc is None else enterprises_workflow.warnings(row.uscc, confirmed=row.uscc_confirmed)
