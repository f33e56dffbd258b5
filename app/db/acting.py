"""For whom a unit of work acts: the database's row security asks it of every statement (migration 0051).

Nobody (a dash) sees no protected row. An account sees what is its own and what lies in the scope of its grants; `work_on` adds one
more person, whose own rows a duty of the caller touches. The service, for work of no single person, sees everything: jobs and operators
from the start, a request only where `as_service` says so. Both name their reason. A connection of the release before says nothing at all,
which is NULL, or the empty text after a function has said it for as long as it ran.

The service has a role of its own, whose policy is the word true: its statements are planned as if there were no policies, by indexes too
whose operators row security would keep from them. A connection of the tables' owner stays the owner's.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import greenlet_spawn

from app.db import roles
from app.db.lines import AsyncSession, Line
from app.db.prepared import Prepared, Row

INFO: Final = "acting"
DEFAULT: Final = "acting_default"
LASTING: Final = "acting_lasting"
BESIDES: Final = "acting_besides"
EVERYBODY: Final = "everybody"
WALL: Final = "3"  # which tables' policies this release knows of (migration 0059): an earlier one passes those that came after it
ENTER = (
    "set_config('xinxin.account', :account, not :lasting), set_config('xinxin.persons', :persons, not :lasting),"
    " set_config('xinxin.areas', :areas, not :lasting), set_config('xinxin.scopes', :scopes, not :lasting),"
    " set_config('role', case current_setting('role') when 'none' then 'none' else :role end, not :lasting)"
)
LOCK = "pg_try_advisory_xact_lock(hashtextextended(:name, 0))"
ENTERED = Prepared(sa.text(f"select true as taken, {ENTER}"))
LOCKED = Prepared(sa.text(f"select {LOCK} as taken"))
ENTERED_AND_LOCKED = Prepared(sa.text(f"select {LOCK} as taken, {ENTER}"))
WORKS_ON = Prepared(sa.text("select set_config('xinxin.persons', :persons, not :lasting)"))


class Reason(StrEnum):
    """Why a request goes beyond what its caller may see. THE list: a test knows the places of each."""

    SIGN_IN = "who signs in is nobody yet"
    SCAN = "a printed code shows what it was made for to whoever scans it"
    TILL = "a code shows its order to the store at which it is presented, also when it is for another store"
    CLAW_BACK = "an entry is found by its id before the area it belongs to can be judged"
    HAND_OVER = "what goes to another organisation or area leaves the reach of whoever sends it"
    MERGE = "reporters of one report become reporters of another, or are parted from it again"
    BOOKS = "whether the books are right is told by all of their rows, to a caller who may lift a freeze"
    FIGURES = "sums and lists over an area or an enterprise that has been judged to be the caller's"
    TELL = "whoever causes a message writes it into another person's inbox"
    NOTE = "what is written about a person is theirs to read, and to have emptied"
    LEDGER = "a decision of staff, or another member's deed, moves this member's points"
    AROUND = "what is open near a place is shown to everybody, as strangers may see it"
    LINK = "a signed link opens its photo to whoever holds it, until it dies"
    JOIN = "whoever knows of an open report may join it, and reads it only then"
    PHOTOS = "a photo that is taken off a thing goes back to whoever sent it, and those of an application become its store's"
    RIGHTS = "whether somebody may be given a role, or may still do what was begun in their name, is told by their account and grants"
    GRANT = "a role is written for somebody whom its giver need not see, or taken over by whoever it waited for"
    COPY = "a person's copy of what they wrote names what they wrote it about, also where they do not see that any more"


@dataclass(frozen=True, slots=True)
class Acting:
    """`areas`: the paths that the grants cover; `scopes`: the stores, organisations and enterprises that they name; both with commas."""

    account: str
    areas: str = ""
    scopes: str = ""

    @property
    def values(self) -> dict[str, str]:
        persons = "" if self in (SERVICE, NOBODY) else self.account
        return {"account": self.account, "persons": persons, "areas": self.areas, "scopes": self.scopes, "role": self.role}

    @property
    def role(self) -> str:
        return roles.SERVICE if self.account == SERVICE.account else roles.APP


NOBODY = Acting("-")
SERVICE = Acting("*")
LATER: Final = "later"  # the caller's own statement will say it; nothing else may be asked before


def for_account(account_id: UUID, areas: Iterable[str], scopes: Iterable[UUID]) -> Acting:
    return Acting(str(account_id), ",".join(sorted(set(areas))), ",".join(sorted(map(str, set(scopes)))))


def start_settings(acting: Acting) -> dict[str, str]:
    """What a new connection says as it starts, besides its role, without a round trip."""
    return {"xinxin.wall": WALL} | {f"xinxin.{name}": value for name, value in acting.values.items() if name != "role"}


def enter(info: dict[Any, Any], line: Line, lock: str | None) -> bool:
    """Says for whom the session acts that has just begun on the line, and takes the lock of this name: False if another holds it.

    Nothing is sent that the connection knows already. An AUTOCOMMIT session says it for longer than itself, so the connection's next user
    looks at what was said last; a transaction's word ends with it.
    """
    info.pop(BESIDES, None)
    if _is_known(info, line):
        return lock is None or _taken(LOCKED.at_once(line, name=lock))
    wanted, known = info.get(INFO, info.get(DEFAULT, SERVICE)), line.known
    lasting = bool(info.get(LASTING))
    if lasting:
        known[INFO] = LATER  # should the statement fail, nobody knows what holds
    values = {**wanted.values, "lasting": lasting}
    taken = _taken(ENTERED.at_once(line, **values) if lock is None else ENTERED_AND_LOCKED.at_once(line, **values, name=lock))
    if lasting:
        known[INFO] = wanted
    return taken


async def entered(info: dict[Any, Any], line: Line) -> None:
    """The same for who only reads, without a greenlet for what is known already."""
    info.pop(BESIDES, None)
    if not _is_known(info, line):
        await greenlet_spawn(enter, info, line, None)


def _is_known(info: dict[Any, Any], line: Line) -> bool:
    """Whether the connection knows for whom the session acts, or will hear it with the first statement."""
    default = info.get(DEFAULT, SERVICE)
    wanted = info.get(INFO, default)
    return wanted in (LATER, line.known.get(INFO, default))


def _taken(rows: Sequence[Row]) -> bool:
    return bool(rows[0]["taken"])


async def as_service(session: AsyncSession, reason: Reason) -> None:
    """From here to the end of the unit of work it acts as the service. What its caller may do has been judged before."""
    assert reason
    if _told(session) == SERVICE or session.info.get(BESIDES) == EVERYBODY:
        return
    await _say(session, ENTERED, SERVICE.values)
    if not session.in_nested_transaction():
        session.info[BESIDES] = EVERYBODY


@asynccontextmanager
async def serving(session: AsyncSession, reason: Reason) -> AsyncIterator[None]:
    """Only inside the block the unit of work acts as the service: for one answer that a request needs on its way. Two round trips.

    A refusal by the database ends the transaction, or the savepoint, and with it what was said.
    """
    told, known = _told(session), session.info.get(BESIDES, frozenset())
    if told == SERVICE or known == EVERYBODY:
        yield
        return
    assert reason
    await _say(session, ENTERED, SERVICE.values)
    try:
        yield
    except DBAPIError:
        raise
    except BaseException:
        await _say(session, ENTERED, {**told.values, "persons": _persons(told, known)})
        raise
    await _say(session, ENTERED, {**told.values, "persons": _persons(told, known)})


def _persons(told: Acting, besides: frozenset[str]) -> str:
    return ",".join([*filter(None, [told.values["persons"]]), *sorted(besides)])


async def work_on(session: AsyncSession, person_id: UUID, reason: Reason) -> None:
    """To the end of the unit of work the rows of this person count as the caller's own. Nothing is sent when they do already."""
    assert reason
    acting = _told(session)
    if acting == SERVICE:
        return
    known = session.info.get(BESIDES, frozenset())
    if known == EVERYBODY or str(person_id) == acting.account or str(person_id) in known:
        return
    persons = known | {str(person_id)}
    await _say(session, WORKS_ON, {"persons": _persons(acting, persons)})
    if not session.in_nested_transaction():  # what a savepoint said ends with it, if it is taken back
        session.info[BESIDES] = persons


def _told(session: AsyncSession) -> Acting:
    told: Acting = session.info.get(INFO) or session.info.get(DEFAULT) or SERVICE
    return told


async def _say(session: AsyncSession, statement: Prepared, values: dict[str, str]) -> None:
    """What is pending in the session is written later, under the new word."""
    lasting = bool(session.info.get(LASTING))
    if lasting:
        (await session.line()).known[INFO] = LATER
    await statement.sent(session, **values, lasting=lasting)
