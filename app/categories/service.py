"""Every change of the tree of categories: a new category, a new version of one. What is written once does not change any more."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import clock
from app.audit import service as audit_service
from app.auth import tenants
from app.auth.principal import Principal
from app.categories import queries, workflow
from app.categories.models import ReportCategory, ReportCategoryVersion
from app.db.session import AsyncSession
from app.errors import AlreadyExists, Conflict, Forbidden, ValidationFailed, expect_version
from app.points import queries_rules as points_queries_rules

COLUMNS = tuple(sa.inspect(ReportCategoryVersion).columns.keys())
OWN = ("version", "made_by", "created_at")  # what each version has of its own


async def create(session: AsyncSession, *, principal: Principal, code: str, fields: Mapping[str, Any]) -> ReportCategoryVersion:
    """Adds a group, or a leaf of one, as version 1. Locks the group.

    Raises Forbidden, ValidationFailed for an unknown parent or one that is a leaf of a group, AlreadyExists for the code, Conflict for a
    parent of which there are reports.
    """
    _require_governing(principal)
    await _require_parent(session, fields["parent_code"])
    if await queries.get(session, code) is not None:
        raise AlreadyExists("该类别代码已经存在")
    first = ReportCategoryVersion(category_code=code, version=queries.FIRST, made_by=principal.account_id, **workflow.columns(fields))
    category = ReportCategory(code=code, parent_code=first.parent_code, **await _in_force(session, first))
    session.add(category)
    await _flush_category(session)
    await _keep(session, first, "category.create", sorted(fields))
    return first


async def change(
    session: AsyncSession, *, principal: Principal, code: str, seen: int | None, fields: Mapping[str, Any]
) -> ReportCategoryVersion:
    """Adds a version with what is given changed. Reports keep the one that they were filed under. Locks the category.

    Raises NotFound, Forbidden, VersionMismatch.
    """
    category = await queries.lock(session, code)
    _require_governing(principal)
    expect_version(seen, category.version)
    before = await queries.version(session, code, category.version)
    kept = {name: getattr(before, name) for name in COLUMNS if name not in OWN}
    after = ReportCategoryVersion(**(kept | workflow.columns(fields)), version=before.version + 1, made_by=principal.account_id)
    for name, value in (await _in_force(session, after)).items():
        setattr(category, name, value)
    session.add(category)
    await _keep(session, after, "category.change", sorted(fields))
    return after


def _require_governing(principal: Principal) -> None:
    """The tree is the same for everybody. Raises Forbidden."""
    if not tenants.governs(principal):
        raise Forbidden


async def _require_parent(session: AsyncSession, parent_code: str | None) -> None:
    if parent_code is None:
        return
    parent = await queries.get(session, parent_code)
    if parent is None:
        raise ValidationFailed.of("body", "parent_code", msg="没有这个大类", kind="parent")
    workflow.require_group(parent)


async def _in_force(session: AsyncSession, made: ReportCategoryVersion) -> dict[str, Any]:
    """The columns of a category follow its version; its points are never empty: the previous release reads them."""
    points = made.points
    if points is None:
        rule = await points_queries_rules.rule_in_force(
            session, code=workflow.accepted_rule(made.severity), area_path="", on=clock.today()
        )
        points = rule.points if rule else 0
    return {name: getattr(made, name) for name in workflow.SHARED} | {"points": points, "version": made.version}


async def _flush_category(session: AsyncSession) -> None:
    """A foreign key alone orders no inserts: the category comes before its version. The parent's trigger may refuse it."""
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict("上级类别已有上报，或该类别刚被他人新增，不能在其下新增类别") from error


async def _keep(session: AsyncSession, made: ReportCategoryVersion, action: str, fields: list[str]) -> None:
    session.add(made)
    audit_service.record(
        session, action, object_kind="report_category", object_id=None, code=made.category_code, version=made.version, fields=fields
    )
    await session.flush()
    await session.refresh(made, ["created_at"])
