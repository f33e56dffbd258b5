"""What stands sealed in the tables of rosters, packed and unpacked."""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.db.base import new_id
from app.db.session import AsyncSession
from app.rosters.models import FollowUp, RosterErrors, RosterLine, RosterRows
from app.rosters.rows import Person, RowError
from app.security import sealing

LINE, ROWS, ERRORS = "roster_line", "roster_rows", "roster_errors"


@dataclass(frozen=True, slots=True)
class Followed:
    """What the secretary noted about somebody, and when; it goes from an older roster's line to the newer one's."""

    outcome: FollowUp
    at: datetime
    note: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits for their line."""

    person: Person
    followed: Followed | None = None


def rows(session: AsyncSession, roster_id: UUID, waiting: Sequence[Waiting | None]) -> bytes:
    """All who wait, a line of JSON each (so that a chunk costs no more than itself to read), in the order of their file.

    None stands for somebody who was erased meanwhile: the places of the others stay.
    """
    text = "\n".join(json.dumps(None if one is None else _packed(one), ensure_ascii=False) for one in waiting)
    return sealing.seal(session, text, table=ROWS, column="sealed", row=roster_id)


def waiting(session: AsyncSession, row: RosterRows, start: int = 0, stop: int | None = None) -> list[Waiting | None]:
    """Those at the places from `start` to before `stop`."""
    text = sealing.unseal(session, row.sealed, table=ROWS, column="sealed", row=row.roster_id)
    packed = [json.loads(line) for line in text.split("\n")[start:stop]] if text else []
    return [None if told is None else _unpacked(told) for told in packed]


def errors(session: AsyncSession, roster_id: UUID, found: Sequence[RowError]) -> bytes:
    return _sealed(session, ERRORS, roster_id, [astuple(error) for error in found])


def errors_of(session: AsyncSession, row: RosterErrors) -> list[RowError]:
    return [RowError(*told) for told in _opened(session, ERRORS, row.roster_id, row.sealed)]


def line(session: AsyncSession, roster_id: UUID, one: Waiting, member_id: UUID | None) -> dict[str, Any]:
    """The columns of a new line."""
    line_id, person, followed = new_id(), one.person, one.followed
    extra = [person.since.isoformat() if person.since else None, person.note] if person.since or person.note else None
    return {
        "id": line_id, "roster_id": roster_id, "member_id": member_id,
        "phone_index": sealing.blind_index(session, person.phone, purpose="phone"),
        "sealed": _sealed(session, LINE, line_id, [person.name, person.phone]),
        "extra_sealed": None if extra is None else _sealed(session, LINE, line_id, extra, column="extra"),
        "follow_up": followed.outcome if followed else None, "followed_up_at": followed.at if followed else None,
        "note_sealed": note(session, line_id, followed.note) if followed and followed.note else None,
    }


def person_of(session: AsyncSession, row: RosterLine) -> Person:
    name, phone = _opened(session, LINE, row.id, row.sealed)
    if row.extra_sealed is None:
        return Person(name, phone)
    since, told = _opened(session, LINE, row.id, row.extra_sealed, column="extra")
    return Person(name, phone, date.fromisoformat(since) if since else None, told)


def note(session: AsyncSession, line_id: UUID, text: str) -> bytes:
    return sealing.seal(session, text, table=LINE, column="note", row=line_id)


def followed(session: AsyncSession, row: RosterLine) -> Followed | None:
    if row.follow_up is None or row.followed_up_at is None:
        return None
    told = None if row.note_sealed is None else sealing.unseal(session, row.note_sealed, table=LINE, column="note", row=row.id)
    return Followed(row.follow_up, row.followed_up_at, told)


def _packed(one: Waiting) -> list[Any]:
    person, then = one.person, one.followed
    return [
        person.name, person.phone, person.since.isoformat() if person.since else None, person.note,
        [then.outcome.value, then.at.isoformat(), then.note] if then else None,
    ]


def _unpacked(packed: list[Any]) -> Waiting:
    name, phone, since, told, then = packed
    person = Person(name, phone, date.fromisoformat(since) if since else None, told)
    return Waiting(person, Followed(FollowUp(then[0]), datetime.fromisoformat(then[1]), then[2]) if then else None)


def _sealed(session: AsyncSession, table: str, row: UUID, value: Any, column: str = "sealed") -> bytes:
    return sealing.seal(session, json.dumps(value, ensure_ascii=False), table=table, column=column, row=row)


def _opened(session: AsyncSession, table: str, row: UUID, sealed: bytes, column: str = "sealed") -> Any:
    return json.loads(sealing.unseal(session, sealed, table=table, column=column, row=row))
