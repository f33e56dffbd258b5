"""`/reports/categories`: the tree that a form shows, and its versions for those who change it."""

from typing import Annotated, Any

from fastapi import Path

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.categories import queries, service, views
from app.categories.schemas import CategoryIn, CategoryOut, CategoryPatch, CategoryVersionOut
from app.points import rules as points_rules
from app.schemas import Body

router = routing.router("/reports", tag="上报")
CategoryCode = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{1,39}$", description="类别代码", examples=["road_hole"])]


@router.get("/categories", summary="问题类别")
async def categories(principal: SignedIn, session: ReadSession) -> list[CategoryOut]:
    figures = {rule.code: rule.points for rule in await points_rules.for_caller(session, principal=principal)}
    return [CategoryOut.model_validate(node) for node in views.tree(await queries.in_use(session), figures)]


@router.get("/categories/{category_code}/versions", summary="问题类别的各个版本（工作人员）")
async def category_versions(category_code: CategoryCode, principal: SignedIn, session: ReadSession) -> list[CategoryVersionOut]:
    rows = await queries.access_versions(session, principal=principal, code=category_code)
    return [CategoryVersionOut.model_validate(views.version(row)) for row in rows]


@router.post("/categories", status_code=201, summary="新增问题类别（县级或平台管理员）")
async def create_category(body: CategoryIn, principal: SignedIn, session: Session) -> CategoryVersionOut:
    fields = _fields(body)
    made = await service.create(session, principal=principal, code=fields.pop("code"), fields=fields)
    return CategoryVersionOut.model_validate(views.version(made))


@router.patch("/categories/{category_code}", summary="修改问题类别（生成新版本）")
async def change_category(
    category_code: CategoryCode, body: CategoryPatch, principal: SignedIn, session: Session, if_match: IfMatch
) -> CategoryVersionOut:
    fields = _fields(body, exclude_unset=True)
    made = await service.change(session, principal=principal, code=category_code, seen=if_match, fields=fields)
    return CategoryVersionOut.model_validate(views.version(made))


def _fields(body: CategoryIn | CategoryPatch, *, exclude_unset: bool = False) -> dict[str, Any]:
    """What was given; of the parts, whole: a photo rule without `after_min` means its default. Limits hold no empty stage."""
    given = {name: getattr(body, name) for name in (body.model_fields_set if exclude_unset else type(body).model_fields)}
    fields = {name: part.model_dump() if isinstance(part, Body) else part for name, part in given.items()}
    if "limits" in fields:
        fields["limits"] = {name: value for name, value in fields["limits"].items() if value is not None}
    return fields
