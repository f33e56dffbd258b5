"""Rows of the register of groups as answers."""

from collections.abc import Sequence

from app.areas import queries as areas_queries
from app.areas.models import Area
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.groups import workflow
from app.groups.models import GroupChat
from app.groups.schemas import GroupFigure, GroupFiguresOut, GroupOut
from app.schemas import Named, named
from app.uploads import links
from app.uploads import queries as uploads_queries

STAFFS = ("people", "checked_on", "note", "keeper_id")


async def shown(session: AsyncSession, principal: Principal, rows: Sequence[GroupChat]) -> list[GroupOut]:
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    photos = await uploads_queries.photos(session, {row.id for row in rows})
    answers = []
    for row in rows:
        keeps = workflow.keeps(principal, row.area_path)
        answers.append(
            GroupOut.model_validate(
                {name: getattr(row, name) if keeps else None for name in STAFFS}
                | {
                    "id": row.id, "area": named(areas[row.area_id]), "name": row.name, "how_to_join": row.how_to_join,
                    "photos": links.pictures(session, photos.get(row.id, ()), whole=keeps), "active": row.active, "version": row.version,
                    "allowed": workflow.allowed(principal, row),
                }
            )
        )
    return answers


async def one(session: AsyncSession, principal: Principal, row: GroupChat) -> GroupOut:
    return (await shown(session, principal, [row]))[0]


def figures(rows: Sequence[tuple[Area, int, int]]) -> GroupFiguresOut:
    total, *below = [
        GroupFigure(area=Named(id=area.id, name=area.name), groups=groups, people=people) for area, groups, people in rows
    ]
    return GroupFiguresOut(total=total, items=below)
