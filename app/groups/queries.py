"""Every SELECT of the register of groups."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import queries as areas_queries
from app.areas.models import Area, Level
from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.groups import workflow
from app.groups.models import GroupChat
from app.members import queries as members_queries


async def of_my_community(session: AsyncSession, *, member_id: UUID, limit: int, after: UUID | None) -> Sequence[GroupChat]:
    """The active groups of the community where a member works, newest first, one more than `limit`."""
    path = await _community_of(session, member_id)
    if path is None:
        return []
    statement = sa.select(GroupChat).where(col(GroupChat.active), within(col(GroupChat.area_path), [path]))
    return await _page(session, statement, limit, after)


async def _community_of(session: AsyncSession, member_id: UUID) -> str | None:
    """None for who works nowhere in particular: the groups of a whole county would be no help."""
    area = await members_queries.area_of(session, member_id=member_id)
    if area is None:
        return None
    above = await areas_queries.ancestors(session, path=area[1])
    return next((one.path for one in above if one.level is Level.COMMUNITY), None)


async def kept(
    session: AsyncSession, *, principal: Principal, area_id: UUID | None, active: bool | None, limit: int, after: UUID | None
) -> Sequence[GroupChat]:
    """Those of the caller's areas, newest first, one more than `limit`. Raises NotFound for an unknown area."""
    statement = sa.select(GroupChat).where(_kept(principal))
    if area_id is not None:
        statement = statement.where(within(col(GroupChat.area_path), [(await areas_queries.get(session, area_id)).path]))
    if active is not None:
        statement = statement.where(col(GroupChat.active) if active else sa.not_(col(GroupChat.active)))
    return await _page(session, statement, limit, after)


def _kept(principal: Principal) -> sa.ColumnElement[bool]:
    return within(col(GroupChat.area_path), principal.area_paths(*workflow.KEEPERS))


async def figures(session: AsyncSession, *, principal: Principal, area_id: UUID) -> list[tuple[Area, int, int]]:
    """An area, then the areas right below it by their codes: how many active groups each has, with how many people.

    Raises NotFound for an area where the caller keeps none.
    """
    area = await areas_queries.get(session, area_id)
    if not principal.covers(area.path, *workflow.KEEPERS, Role.AUDITOR):
        raise NotFound
    rows = (
        sa.select(Area, sa.func.count(col(GroupChat.id)), sa.func.coalesce(sa.func.sum(col(GroupChat.people)), 0))
        .outerjoin(GroupChat, sa.and_(col(GroupChat.active), sa.func.starts_with(col(GroupChat.area_path), col(Area.path))))
        .where(sa.or_(col(Area.parent_id) == area.id, col(Area.id) == area.id))
        .group_by(col(Area.id))
        .order_by(sa.func.length(Area.path), col(Area.code))
    )
    return [(one, int(groups), int(people)) for one, groups, people in (await session.exec(rows)).all()]


async def access_kept(session: AsyncSession, *, principal: Principal, group_id: UUID) -> GroupChat:
    """Locks a group for a change. Raises NotFound elsewhere, Forbidden for a member of its community."""
    found = await session.exec(
        sa.select(GroupChat).where(col(GroupChat.id) == group_id).with_for_update().execution_options(populate_existing=True)
    )
    group: GroupChat | None = found.scalars().first()
    if group is None:
        raise NotFound
    if not workflow.keeps(principal, group.area_path):
        raise Forbidden if await _is_shown(session, principal, group) else NotFound
    return group


async def access(session: AsyncSession, *, principal: Principal, group_id: UUID) -> GroupChat:
    """One of the caller's areas, or an active one of the community where they work. Raises NotFound."""
    group = await session.get(GroupChat, group_id)
    if group is None or not (workflow.keeps(principal, group.area_path) or await _is_shown(session, principal, group)):
        raise NotFound
    return group


async def _is_shown(session: AsyncSession, principal: Principal, group: GroupChat) -> bool:
    path = await _community_of(session, principal.account_id) if group.active else None
    return path is not None and group.area_path.startswith(path)


async def may_see_photo(session: AsyncSession, principal: Principal, owner_id: UUID) -> bool:
    """The code that joins a group is for those who see the group."""
    try:
        await access(session, principal=principal, group_id=owner_id)
    except NotFound:
        return False
    return True


async def may_see_unpassed(session: AsyncSession, principal: Principal, owner_id: UUID, risky: bool) -> bool:
    """Before it has passed the content check, and when it did not, for who keeps the register only."""
    group = await session.get(GroupChat, owner_id)
    return group is not None and workflow.keeps(principal, group.area_path)


async def name_taken(session: AsyncSession, group: GroupChat) -> bool:
    """Has the community another active group of this name? Of two such changes at once, the constraint refuses the later one."""
    with session.no_autoflush:
        found = await session.exec(
            sa.select(sa.literal(1)).where(
                col(GroupChat.area_id) == group.area_id, col(GroupChat.name) == group.name, col(GroupChat.active),
                col(GroupChat.id) != group.id,
            )
        )
    return found.first() is not None


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """The groups that a person looks after, for the copy of one's data."""
    found = await session.exec(sa.select(col(GroupChat.name)).where(col(GroupChat.keeper_id) == member_id).order_by(col(GroupChat.id)))
    return {"groups_kept": list(found.scalars().all())}


async def _page(session: AsyncSession, statement: Any, limit: int, after: UUID | None) -> Sequence[GroupChat]:
    if after is not None:
        statement = statement.where(col(GroupChat.id) < after)
    found = await session.exec(statement.order_by(col(GroupChat.id).desc()).limit(limit + 1))
    rows: Sequence[GroupChat] = found.scalars().all()
    return rows
