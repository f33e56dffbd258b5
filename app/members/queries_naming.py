"""What colleagues call somebody, as part of another statement: its columns, and the name that they make."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.db.session import AsyncSession
from app.members import masking
from app.members.models import Member
from app.security import sealing


def sealed_name(member_id: Any) -> sa.ScalarSelect[bytes | None]:
    """The real name of whoever stands in the column, sealed; null where none was given."""
    person = aliased(Member)
    return sa.select(col(person.real_name_sealed)).where(col(person.id) == member_id).scalar_subquery()


def is_erased(member_id: Any) -> sa.ColumnElement[bool]:
    person = aliased(Member)
    return sa.exists().where(col(person.id) == member_id, col(person.erased_at).is_not(None))


def real_name(session: AsyncSession, member_id: UUID, sealed: bytes | None) -> str | None:
    return None if sealed is None else sealing.unseal(session, sealed, table="member", column="real_name", row=member_id)


def alias(member_id: UUID, *, erased: bool) -> str:
    """What others call the person: never a name that they gave."""
    return masking.ERASED if erased else masking.alias(member_id)


def called(session: AsyncSession, member_id: UUID, sealed: bytes | None, *, erased: bool) -> str:
    """The real name, the alias where none was given."""
    return real_name(session, member_id, sealed) or alias(member_id, erased=erased)
