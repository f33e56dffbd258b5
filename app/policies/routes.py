"""`/policies`: privacy, terms of use and children's rules, in all versions, for everybody."""

from typing import Annotated

from fastapi import Path, Query

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import ReadSession, Session, SignedIn
from app.members.schemas import Version
from app.policies import queries, service, views
from app.policies.models import PolicyCode
from app.policies.schemas import PoliciesOut, PolicyIn, PolicyOut

router = routing.router("/policies", tag="政策文本")
Code = Annotated[PolicyCode, Path(description="哪份文件", examples=["privacy"])]
VersionIs = Annotated[Version | None, Query(description="版本，默认现行版本", examples=["2026-11"])]


@router.get("", summary="隐私政策、用户协议等文件的现行版本")
@policy(public=True)
async def policies(session: ReadSession) -> PoliciesOut:
    return views.listed(await queries.current(session))


@router.get("/{policy_code}", summary="一份文件的全文和历次版本")
@policy(public=True)
async def document(policy_code: Code, session: ReadSession, version: VersionIs = None) -> PolicyOut:
    versions = await queries.versions(session, code=policy_code)
    return views.whole(queries.chosen(versions, version), versions)


@router.post("/{policy_code}", status_code=201, summary="发布文件的新版本（平台管理员）")
@policy(step_up=True)
async def publish(policy_code: Code, body: PolicyIn, principal: SignedIn, session: Session) -> PolicyOut:
    text = await service.publish(session, principal=principal, code=policy_code, **body.model_dump())
    return views.whole(text, await queries.versions(session, code=policy_code))
