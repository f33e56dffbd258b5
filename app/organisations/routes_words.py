"""`/organisations/kinds` and `/organisations/formations`: the words for organisations.

In the list of routers they stand before `/organisations/{id}`, which would take "kinds" for an id.
"""

from typing import Annotated

from fastapi import Path

from app.auth import routing
from app.auth.routing import ReadSession, Session, SignedIn
from app.organisations import queries_words, service
from app.organisations.schemas import FormationIn, FormationOut, KindIn, KindOut

router = routing.router("/organisations", tag="党组织")
Code = Annotated[str, Path(pattern="^[a-z][a-z_]{1,31}$", description="代码", examples=["mobile_branch"])]


@router.get("/kinds", summary="党组织类型")
async def kinds(principal: SignedIn, session: ReadSession) -> list[KindOut]:
    return [KindOut.model_validate(kind) for kind in await queries_words.kinds(session)]


@router.put("/kinds/{code}", summary="新增或修改党组织类型（平台管理员）")
async def put_kind(code: Code, body: KindIn, principal: SignedIn, session: Session) -> KindOut:
    kind = await service.put_kind(session, principal=principal, code=code, fields=body.model_dump())
    return KindOut.model_validate(kind)


@router.get("/formations", summary="党组织组建方式")
async def formations(principal: SignedIn, session: ReadSession) -> list[FormationOut]:
    return [FormationOut.model_validate(formation) for formation in await queries_words.formations(session)]


@router.put("/formations/{code}", summary="新增或修改组建方式（平台管理员）")
async def put_formation(code: Code, body: FormationIn, principal: SignedIn, session: Session) -> FormationOut:
    formation = await service.put_formation(session, principal=principal, code=code, fields=body.model_dump())
    return FormationOut.model_validate(formation)
