"""`/routing-rules`: which category in which area goes to which unit. The dry run, which reads reports, stands in `reports`."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of
from app.units import queries_rules, service, views
from app.units.routes import Active, OfArea
from app.units.schemas import RuleIn, RuleOut, RulePatch

router = routing.router("/routing-rules", tag="派单规则")
OfCategory = Annotated[str | None, Query(max_length=40, description="类别代码", examples=["road_hole"])]
OfUnit = Annotated[UUID | None, Query(description="责任单位", examples=["01933c5e-7a00-7000-8000-000000000002"])]
RuleId = Annotated[UUID, Path(description="派单规则编号", examples=["01933c5e-7a00-7000-8000-000000000004"])]


@router.post("", status_code=201, summary="新增派单规则（区域管理员）")
async def create(body: RuleIn, principal: SignedIn, session: Session) -> RuleOut:
    return await views.rule(session, principal, await service.add_rule(session, principal=principal, told=body))


@router.get("", summary="派单规则列表（工作人员）")
async def rules(
    principal: SignedIn, session: ReadSession, page: Paging, area_id: OfArea = None, category_code: OfCategory = None,
    unit_id: OfUnit = None, active: Active = True,
) -> Page[RuleOut]:
    found = await queries_rules.rules(
        session, principal=principal, area_id=area_id, category_code=category_code, unit_id=unit_id, active=active, limit=page.limit,
        after=page.after,
    )
    rows, cursor = page.cut(found, lambda rule: rule.id)
    return Page[RuleOut].model_validate(page_of(await views.rules(session, principal, rows), cursor))


@router.patch("/{rule_id}", summary="修改派单规则（区域管理员）")
async def update(rule_id: RuleId, body: RulePatch, principal: SignedIn, session: Session, if_match: IfMatch) -> RuleOut:
    rule = await service.update_rule(
        session, principal=principal, rule_id=rule_id, seen=if_match, fields=body.model_dump(exclude_unset=True)
    )
    return await views.rule(session, principal, rule)


@router.delete("/{rule_id}", status_code=204, summary="停用派单规则（区域管理员）")
async def delete(rule_id: RuleId, principal: SignedIn, session: Session, if_match: IfMatch) -> Response:
    await service.delete_rule(session, principal=principal, rule_id=rule_id, seen=if_match)
    return Response(status_code=204)
