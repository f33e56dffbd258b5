"""What every table shares: constraint names, UUIDv7 ids, text enums, instants that the database sets."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
import uuid_utils
import uuid_utils.compat
from asyncpg.pgproto.pgproto import UUID as DriverUUID
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app import clock

MOST_SKEW_SECONDS = 1.0
Kind = TypeVar("Kind", bound=SQLModel)

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.model_config["defer_build"] = True  # tables do not validate: what pydantic would build for it, 3 MB, nobody asks for


def new_id() -> UUID:
    """A UUIDv7: time-ordered, so that `ORDER BY id DESC` is newest first and inserts stay at the index's right edge.

    On a machine whose clock is wrong, by the time that the process follows.
    """
    if abs(clock.skew()) <= MOST_SKEW_SECONDS:
        return known_id(uuid_utils.uuid7().bytes)
    return known_id(uuid_utils.compat.uuid7(nanoseconds=int(clock.now().timestamp() * 1_000_000_000)).bytes)


def known_id(told: str | bytes) -> UUID:
    """An id as the driver reads them: a UUID that is made, compared and told in C, in a tenth of the time. Raises ValueError."""
    made: UUID = DriverUUID(told)
    return made


class Table(SQLModel):
    """Base of every table with an id of its own. Table models do not validate: never use one as a request body."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    created_at: datetime = Field(
        default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")}
    )


def fresh(kind: type[Kind], /, **values: Any) -> Kind:
    """A row of which every column is told that the database does not set, on hot paths.

    The model's own way looks into each default anew, which takes as long as a statement.
    """
    made: Kind = sa.inspect(kind).class_manager.new_instance()
    made.__dict__.update(values)
    return made


def text_enum(kind: type[StrEnum], name: str) -> Any:
    """An enum kept as text with a CHECK named `name` (unique per table), so that a value can be added by a migration."""
    return sa.Enum(
        kind, name=name, native_enum=False, create_constraint=True, length=32, validate_strings=True,
        values_callable=lambda members: [member.value for member in members],
    )


def json_field(default: Callable[[], Any] = dict) -> Any:
    """A JSONB column. Assign a new value to change it: changes in place are not saved."""
    return Field(default_factory=default, sa_type=JSONB, nullable=False)
