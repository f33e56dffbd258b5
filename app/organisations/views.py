"""Rows of organisations as answers: what the caller sees of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.organisations import queries, queries_tree, queries_words, workflow
from app.organisations.models import Organisation
from app.organisations.schemas import OrganisationDetail, OrganisationOut, TreeOut
from app.schemas import named


async def shown(session: AsyncSession, principal: Principal, rows: Sequence[Organisation]) -> list[OrganisationOut]:
    return [OrganisationOut.model_validate(fields) for fields in await _fields(session, principal, rows)]


async def one(session: AsyncSession, principal: Principal, organisation: Organisation) -> OrganisationDetail:
    [fields] = await _fields(session, principal, [organisation])
    above = await queries_tree.ancestors(session, organisation_id=organisation.id)
    return OrganisationDetail.model_validate(fields | {"ancestors": above})


async def _fields(session: AsyncSession, principal: Principal, rows: Sequence[Organisation]) -> list[dict[str, Any]]:
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    parents = await queries.by_ids(session, {row.parent_id for row in rows if row.parent_id})
    enterprises = await enterprises_queries.by_ids(session, {row.enterprise_id for row in rows if row.enterprise_id})
    names = (await queries_words.words(session)).names
    return [
        {
            "id": row.id, "name": row.name, "kind": row.kind, "kind_name": names["kind"][row.kind], "formation": row.formation,
            "formation_name": names["formation"][row.formation], "area": named(areas[row.area_id]),
            "parent": named(parents.get(row.parent_id)) if row.parent_id else None,
            "enterprise": named(enterprises.get(row.enterprise_id)) if row.enterprise_id else None, "phone": row.phone,
            "trades": row.trades, "founded_on": row.founded_on, "dissolved_on": row.dissolved_on, "version": row.version,
            "allowed": workflow.allowed(principal, row),
        }
        for row in rows
    ]


async def tree(session: AsyncSession, organisation_id: UUID) -> TreeOut:
    """One organisation with those below it nested into one another. Raises NotFound."""
    top = await queries.get(session, organisation_id)
    names = (await queries_words.words(session)).names["kind"]
    nodes: dict[UUID, dict[str, Any]] = {}
    for node in await queries_tree.below(session, organisation_id=top.id):
        nodes[node.id] = {
            "id": node.id, "name": node.name, "kind": node.kind, "kind_name": names[node.kind], "children_count": node.children_count,
            "children": [],
        }
        if node.id != top.id and node.parent_id is not None:
            nodes[node.parent_id]["children"].append(nodes[node.id])
    return TreeOut.model_validate(nodes[top.id])
