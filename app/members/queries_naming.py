"""What colleagues call somebody, as part of another statement: its columns, and the name that they make."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import array

from app.db.session import AsyncSession
from app.members import masking
from app.security import sealing

COLUMNS = (
    sa.column("id", sa.Uuid), sa.column("real_name_sealed", sa.LargeBinary), sa.column("occupation", sa.Text),
    sa.column("area_id", sa.Uuid), sa.column("area_path", sa.Text), sa.column("erased_at", sa.DateTime(timezone=True)),
)


def sealed_name(member_id: Any) -> sa.ColumnElement[bytes | None]:
    """The real name of whoever stands in the column, sealed; null where none was given."""
    return _of(member_id, lambda person: sa.select(person.c.real_name_sealed).scalar_subquery())


def is_erased(member_id: Any) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(_of(member_id, lambda person: sa.select(person.c.erased_at.is_not(None)).scalar_subquery()), False)


def _of(member_id: Any, told: Callable[[sa.TableValuedAlias], sa.ScalarSelect[Any]]) -> sa.ColumnElement[Any]:
    """By the function that tells of people who are met in a thing (migration 0060): their own rows are nobody else's."""
    person = sa.func.members_named(array([member_id])).table_valued(*COLUMNS).render_derived()
    return sa.case((member_id.is_not(None), told(person)))


def real_name(session: AsyncSession, member_id: UUID, sealed: bytes | None) -> str | None:
    return None if sealed is None else sealing.unseal(session, sealed, table="member", column="real_name", row=member_id)


def alias(member_id: UUID, *, erased: bool) -> str:
    """What others call the person: never a name that they gave."""
    return masking.ERASED if erased else masking.alias(member_id)


def called(session: AsyncSession, member_id: UUID, sealed: bytes | None, *, erased: bool) -> str:
    """The real name, the alias where none was given."""
    return real_name(session, member_id, sealed) or alias(member_id, erased=erased)
