"""Rows of enterprises as answers: what the caller sees of them."""

from collections.abc import Sequence
from typing import Any

from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.enterprises import workflow
from app.enterprises.models import Enterprise, EnterpriseHeadcount
from app.enterprises.schemas import EnterpriseOut, HeadcountOut
from app.schemas import named


async def shown(session: AsyncSession, principal: Principal, rows: Sequence[Enterprise]) -> list[EnterpriseOut]:
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    return [_out(principal, row, areas[row.area_id]) for row in rows]


async def one(session: AsyncSession, principal: Principal, enterprise: Enterprise) -> EnterpriseOut:
    return (await shown(session, principal, [enterprise]))[0]


def _out(principal: Principal, enterprise: Enterprise, area: Any) -> EnterpriseOut:
    full = workflow.sees_details(principal, enterprise)
    return EnterpriseOut.model_validate(
        {
            "id": enterprise.id, "name": enterprise.name, "kind": enterprise.kind, "area": named(area),
            "uscc": enterprise.uscc if full else None, "headcount": enterprise.headcount if full else None,
            "warnings": workflow.warnings(enterprise.uscc, confirmed=enterprise.uscc_confirmed) if full else [],
            "listed_on": enterprise.listed_on, "closed_on": enterprise.closed_on, "version": enterprise.version,
            "allowed": workflow.allowed(principal, enterprise),
        }
    )


def figure(row: EnterpriseHeadcount) -> HeadcountOut:
    return HeadcountOut(on=row.on, headcount=row.headcount)
