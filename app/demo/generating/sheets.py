"""Rows on their way into the database: gathered table by table, then copied."""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from asyncpg import Connection
from pydantic_core import PydanticUndefined
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from app.audit.models import AuditEvent
from app.demo.generating.plan import id_at


@dataclass(frozen=True, slots=True)
class Form:
    """The columns of a table, what stands in them where a row says nothing, and those that are JSON."""

    columns: tuple[str, ...]
    defaults: Mapping[str, Any]
    json: tuple[str, ...]


@cache
def form(table: type[SQLModel]) -> Form:
    columns = table.__table__.columns  # type: ignore[attr-defined]
    defaults = {}
    for name, field in table.model_fields.items():
        if name != "id" and name in columns:
            made: Callable[[], Any] | None = field.default_factory  # type: ignore[assignment]
            value = made() if made else field.default
            if value is not None and value is not PydanticUndefined:
                defaults[name] = value
    return Form(tuple(columns.keys()), defaults, tuple(one.name for one in columns if isinstance(one.type, JSONB)))


class Sheets:
    """The rows of one batch. Ids are of the instants at which the rows would have been written."""

    def __init__(self) -> None:
        self._rows: defaultdict[type[SQLModel], list[dict[str, Any]]] = defaultdict(list)

    def add(self, table: type[SQLModel], **row: Any) -> None:
        self._rows[table].append(row)

    def write(self, table: type[SQLModel], chance: random.Random, at: datetime, **row: Any) -> UUID:
        """A row with an id of its own, which is returned."""
        row["id"] = made = row.get("id") or id_at(at, chance)
        row["created_at"] = at
        self._rows[table].append(row)
        return made

    def audit(
        self, chance: random.Random, at: datetime, actor: UUID | None, action: str, *, object_kind: str, object_id: UUID,
        area_path: str | None = None, **facts: Any,
    ) -> None:
        """The trail of one act; nobody in particular is a job."""
        self.write(
            AuditEvent, chance, at, actor_kind="wechat" if actor else "job", actor_id=actor, action=action, object_kind=object_kind,
            object_id=object_id, area_path=area_path, outcome="ok", facts=facts,
        )

    def first(self) -> tuple[str, UUID] | None:
        """The table and the id of a row that is there when the batch is, if it has rows at all."""
        return next(((str(table.__tablename__), rows[0]["id"]) for table, rows in self._rows.items() if "id" in rows[0]), None)

    async def copy(self, connection: "Connection[Any]") -> None:
        for table, rows in self._rows.items():
            shape = form(table)
            await connection.copy_records_to_table(
                str(table.__tablename__), columns=shape.columns, records=[_record(shape, row) for row in rows]
            )


def _record(shape: Form, row: dict[str, Any]) -> tuple[Any, ...]:
    whole = {**shape.defaults, **row}
    for name in shape.json:
        whole[name] = json.dumps(whole[name])
    return tuple(map(whole.get, shape.columns))
