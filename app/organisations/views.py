"""Rows of organisations as answers: what the caller sees of them."""

from collections.abc import Sequence

from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.organisations import queries, workflow
from app.organisations.models import Organisation
from app.organisations.schemas import OrganisationOut
from app.schemas import named


async def shown(session: AsyncSession, principal: Principal, rows: Sequence[Organisation]) -> list[OrganisationOut]:
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    parents = await queries.by_ids(session, {row.parent_id for row in rows if row.parent_id})
    enterprises = await enterprises_queries.by_ids(session, {row.enterprise_id for row in rows if row.enterprise_id})
    return [
        OrganisationOut.model_validate(
            {
                "id": row.id, "name": row.name, "kind": row.kind, "formation": row.formation, "area": named(areas[row.area_id]),
                "parent": named(parents.get(row.parent_id)) if row.parent_id else None,
                "enterprise": named(enterprises.get(row.enterprise_id)) if row.enterprise_id else None,
                "phone": row.phone, "version": row.version, "allowed": workflow.allowed(principal, row),
            }
        )
        for row in rows
    ]


async def one(session: AsyncSession, principal: Principal, organisation: Organisation) -> OrganisationOut:
    return (await shown(session, principal, [organisation]))[0]
