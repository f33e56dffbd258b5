"""`/retention-rules`: how long what is kept of a case stays whole."""

from typing import Annotated

from fastapi import Path

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.retention import queries, service, views
from app.retention.rules import KEEPERS
from app.retention.schemas import DryRunIn, DryRunOut, RuleIn, RuleOut

router = routing.router("/retention-rules", tag="保存期限")
RuleCode = Annotated[str, Path(max_length=24, pattern=r"^[a-z_]+$", description="规则代码", examples=["place_rounded"])]


@router.get("", summary="保存期限规则")
async def rules(principal: SignedIn, session: ReadSession) -> list[RuleOut]:
    service.require_reader(principal)
    return [RuleOut.model_validate(views.rule(principal, rule)) for rule in await queries.rules(session)]


@router.put("/{rule_code}", summary="修改保存期限")
async def change(rule_code: RuleCode, body: RuleIn, principal: SignedIn, session: Session, seen: IfMatch) -> RuleOut:
    rule = await service.change(session, principal=principal, code=rule_code, days=body.days, active=body.active, seen=seen)
    return RuleOut.model_validate(views.rule(principal, rule))


@router.post("/{rule_code}/dry-run", summary="试算：到期的有哪些")
async def dry_run(rule_code: RuleCode, principal: SignedIn, session: Session, body: DryRunIn | None = None) -> DryRunOut:
    rule = await queries.get(session, rule_code)
    service.require_governor(principal)
    days = body.days if body and body.days else rule.days
    service.check_days(rule_code, days)
    return DryRunOut.model_validate(await queries.found(session, KEEPERS[rule_code], days=days))
