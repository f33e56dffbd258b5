"""`/points/rules`, `/points/caps`: what is given for what, within which limits, since when; and what a change would have made of it."""

from typing import Annotated, Any

from fastapi import Path

from app import clock
from app.auth import routing
from app.auth.routing import ReadSession, Session, SignedIn
from app.pagination import Page, page_of
from app.points import caps, queries_caps, queries_rules, rules, trial, views_rules
from app.points.models_rules import CapCode
from app.points.schemas_rules import CapIn, CapOut, DryRunIn, DryRunOut, RuleIn, RuleOut, RuleVersionOut

router = routing.router("/points", tag="积分")
RuleCode = Annotated[str, Path(max_length=32, pattern=r"^[A-Z_]+$", description="规则代码", examples=["REPORT_ACCEPTED"])]
OfCap = Annotated[CapCode, Path(description="上限代码", examples=["GLOBAL"])]


@router.get("/rules", summary="积分规则", response_model=Page[RuleOut])
async def in_force(principal: SignedIn, session: ReadSession) -> Any:
    return page_of(await views_rules.rules(session, await rules.for_caller(session, principal=principal)), None)


@router.get("/rules/{code}/versions", summary="积分规则的全部版本", response_model=Page[RuleVersionOut])
async def versions(code: RuleCode, principal: SignedIn, session: ReadSession) -> Any:
    return page_of(await views_rules.versions(session, principal, await queries_rules.versions(session, code=code)), None)


@router.put("/rules/{code}", summary="修改积分规则（生成新版本）", response_model=RuleOut)
async def change(code: RuleCode, body: RuleIn, principal: SignedIn, session: Session) -> Any:
    made = await rules.change(session, principal=principal, code=code, told=body)
    return (await views_rules.rules(session, [made]))[0]


@router.post("/rules/{code}/dry-run", summary="试算积分规则的改动，不保存", response_model=DryRunOut)
async def dry_run(code: RuleCode, body: DryRunIn, principal: SignedIn, session: ReadSession) -> Any:
    return await trial.dry_run(session, principal=principal, code=code, told=body)


@router.get("/caps", summary="积分合计上限与人工调整限额（管理员、审计员）", response_model=Page[CapOut])
async def caps_in_force(principal: SignedIn, session: ReadSession) -> Any:
    found = await queries_caps.caps(session, principal=principal, on=clock.today())
    return page_of(await views_rules.caps(session, found), None)


@router.put("/caps/{cap_code}", summary="修改上限（生成新版本）", response_model=CapOut)
async def change_cap(cap_code: OfCap, body: CapIn, principal: SignedIn, session: Session) -> Any:
    made = await caps.change(session, principal=principal, code=cap_code, told=body)
    return (await views_rules.caps(session, [made]))[0]
