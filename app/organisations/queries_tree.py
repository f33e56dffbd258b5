"""Who stands above and below whom: each a single recursive statement."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.db.session import AsyncSession
from app.organisations.models import Organisation
from app.organisations.queries import in_being

DEPTH, NODES = 6, 500
CHAIN = 32  # no county has more ranks; a ring, were there one, ends here too


class Node(NamedTuple):
    id: UUID
    parent_id: UUID | None
    name: str
    kind: str
    children_count: int


async def ancestors(session: AsyncSession, *, organisation_id: UUID) -> list[dict[str, Any]]:
    """Id and name of all that stand above one, the topmost first."""
    start: sa.Select[*tuple[Any, ...]] = sa.select(col(Organisation.parent_id).label("up"), sa.literal(0).label("height"))
    start = start.where(col(Organisation.id) == organisation_id)
    chain = start.cte(recursive=True)
    above = aliased(Organisation)
    chain = chain.union_all(
        sa.select(col(above.parent_id), chain.c.height + 1).join(chain, col(above.id) == chain.c.up).where(chain.c.height < CHAIN)
    )
    found = await session.exec(
        sa.select(col(Organisation.id), col(Organisation.name))
        .join(chain, chain.c.up == col(Organisation.id))
        .order_by(chain.c.height.desc())
    )
    return [{"id": one, "name": name} for one, name in found.all()]


async def below(session: AsyncSession, *, organisation_id: UUID) -> Sequence[Node]:
    """One and those below it that are in being, down to DEPTH levels, at most NODES of them; higher ones first, then older ones."""
    start: sa.Select[*tuple[Any, ...]] = sa.select(col(Organisation.id).label("id"), sa.literal(0).label("depth"))
    start = start.where(col(Organisation.id) == organisation_id)
    tree = start.cte(recursive=True)
    child = aliased(Organisation)
    living = sa.select(Organisation).where(in_being()).subquery()
    tree = tree.union_all(
        sa.select(living.c.id, tree.c.depth + 1).join(tree, living.c.parent_id == tree.c.id).where(tree.c.depth < DEPTH)
    )
    picked = sa.select(tree.c.id, tree.c.depth).order_by(tree.c.depth, tree.c.id).limit(NODES).subquery()
    children = sa.select(sa.func.count()).where(living.c.parent_id == picked.c.id).correlate(picked).scalar_subquery()
    found = await session.exec(
        sa.select(picked.c.id, col(child.parent_id), col(child.name), col(child.kind), children)
        .join(child, col(child.id) == picked.c.id)
        .order_by(picked.c.depth, picked.c.id)
    )
    return [Node(*row) for row in found.all()]
