"""Changing the subscription templates and how useful each kind of event is: the platform's administrator, as WeChat's console says."""

from collections.abc import Mapping, Sequence
from datetime import time

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound, ValidationFailed, expect_version
from app.messages import limits, queries
from app.messages.models import Category, MessageMoment, MessageTemplate
from app.messages.schemas_templates import MessageMomentIn, MessageTemplateIn
from app.security import throttles

LOCK = "message_template"  # one change at a time: which template of a category is in use is a question of several rows


def require_administrator(principal: Principal) -> None:
    """Raises Forbidden."""
    if not principal.has(Role.PLATFORM_ADMIN):
        raise Forbidden


async def put(
    session: AsyncSession, *, principal: Principal, template_id: str, told: MessageTemplateIn, seen: int | None
) -> MessageTemplate:
    """Writes a template, new or known; one that is in use takes the place of the former of its category.

    Raises Forbidden, VersionMismatch, and ValidationFailed naming each field whose value WeChat could refuse.
    """
    require_administrator(principal)
    await throttles.hold(session, LOCK)
    row = await _found(session, template_id)
    if seen is not None:
        expect_version(seen, row.version if row else 0)
    moments = await queries.moments(session, category=told.category)
    _check(row, told, moments)
    if told.active:
        await _retire(session, told.category, but=template_id)
    if row is None:
        row = MessageTemplate(template_id=template_id, category=told.category, title=told.title, moment=told.moment, version=0)
    row.title, row.moment, row.fields, row.active = told.title, told.moment, dict(told.fields), told.active
    row.quiet_from, row.quiet_until = time.fromisoformat(told.quiet_from), time.fromisoformat(told.quiet_until)
    row.version, row.made_by = row.version + 1, principal.account_id
    session.add(row)
    _weigh(session, moments, told.moments)
    audit_service.record(
        session, "message.put_template", object_kind="message_template", object_id=None, template_id=template_id,
        category=told.category.value, active=told.active, version=row.version, keys=sorted(told.fields),
    )
    await session.flush()
    return row


async def _found(session: AsyncSession, template_id: str) -> MessageTemplate | None:
    try:
        return await queries.template(session, template_id)
    except NotFound:
        return None


def _check(row: MessageTemplate | None, told: MessageTemplateIn, moments: Sequence[MessageMoment]) -> None:
    """Raises ValidationFailed."""
    if row is not None and row.category is not told.category:
        raise ValidationFailed.of("body", "category", msg="模板的类别不能更改", kind="category")
    if not {moment.code for moment in told.moments}.issubset(moment.code for moment in moments):
        raise ValidationFailed.of("body", "moments", msg="包含不属于该类别的时机", kind="moment")
    if limits.discloses(told.title):
        raise ValidationFailed.of("body", "title", msg="不能含有党员身份、诉求等敏感内容", kind="sensitive")
    check_fields(told.fields)


def check_fields(fields: Mapping[str, str]) -> None:
    """Raises ValidationFailed naming each key."""
    errors = [{"loc": ["body", "fields", key], "msg": wrong, "type": "template_value"} for key, wrong in limits.problems(fields)]
    if errors:
        raise ValidationFailed(errors=errors)


async def _retire(session: AsyncSession, category: Category, *, but: str) -> None:
    """What people have permitted under the former one stays counted: it may come back."""
    await session.exec(
        sa.update(MessageTemplate)
        .where(col(MessageTemplate.category) == category, col(MessageTemplate.active), col(MessageTemplate.template_id) != but)
        .values(active=False, version=col(MessageTemplate.version) + 1)
    )


def _weigh(session: AsyncSession, moments: Sequence[MessageMoment], told: Sequence[MessageMomentIn]) -> None:
    wanted = {moment.code: moment for moment in told}
    for moment in moments:
        if moment.code in wanted:
            moment.usefulness, moment.urgent = wanted[moment.code].usefulness, wanted[moment.code].urgent
            session.add(moment)
