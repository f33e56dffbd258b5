"""What members earn and lose: transactions with entries and lots, awards, and their trail, as `points/ledger.py` posts them."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from uuid import UUID

from app import clock
from app.demo.generating.plan import id_at
from app.demo.generating.sheets import Sheets
from app.points import workflow as points_workflow
from app.points.models import Kind, LedgerAccount, PointsAward, PointsEntry, PointsLot, PointsRule, PointsTransaction

JUST_AFTER_MIDNIGHT = time(0, 10)


@dataclass(frozen=True, slots=True)
class Due:
    """Points that a report brings somebody at a time."""

    at: datetime
    rule: PointsRule
    points: int
    report_id: UUID
    number: str
    filed_on: date
    area_path: str
    by: UUID | None


@dataclass(slots=True)
class Book:
    """One member's ledger so far. `lapsing` are the lots that have lapsed by now: id and points."""

    version: int = 0
    balance: int = 0
    lapsing: list[tuple[UUID, int]] = field(default_factory=list)


class Ledger:
    """The books of the members of one lane. Whoever posts comes in the order of time, for each member."""

    def __init__(self, until: datetime) -> None:
        self._today = clock.local_day(until)
        self._lapse_on = clock.next_month(points_workflow.lapse_day(date(self._today.year - 1, 1, 1)))
        self._books: dict[int, Book] = {}

    def post(self, sheets: Sheets, chance: random.Random, member: int, member_id: UUID, dues: Sequence[Due]) -> None:
        book = self._books.setdefault(member, Book())
        for due in sorted(dues, key=lambda one: one.at):
            if book.lapsing and clock.local_day(due.at) >= self._lapse_on:
                self._lapse(sheets, chance, member_id, book)
            self._award(sheets, chance, member_id, book, due)

    def lapsing(self) -> Iterator[int]:
        """Members whose lots have lapsed since their last line."""
        return (member for member, book in self._books.items() if book.lapsing)

    def lapse(self, sheets: Sheets, chance: random.Random, member: int, member_id: UUID) -> UUID:
        """Returns the transaction's id."""
        return self._lapse(sheets, chance, member_id, self._books[member])

    def _award(self, sheets: Sheets, chance: random.Random, member_id: UUID, book: Book, due: Due) -> None:
        transaction_id = self._earn(sheets, chance, member_id, book, due) if due.points else None
        sheets.write(
            PointsAward, chance, due.at, member_id=member_id, rule_code=due.rule.code, rule_version=due.rule.version, source_type="report",
            source_id=due.report_id, filed_on=due.filed_on, credited=due.points, withheld=0, transaction_id=transaction_id,
        )
        sheets.audit(
            chance, due.at, due.by, "points.award", object_kind="report", object_id=due.report_id, area_path=due.area_path,
            member_id=str(member_id), rule=due.rule.code, credited=due.points, withheld=0,
        )

    def _earn(self, sheets: Sheets, chance: random.Random, member_id: UUID, book: Book, due: Due) -> UUID:
        last_day = points_workflow.lapse_day(clock.local_day(due.at))
        lapsed = last_day < self._today
        book.version, book.balance = book.version + 1, book.balance + due.points
        made = sheets.write(
            PointsTransaction, chance, due.at, member_id=member_id, kind=Kind.EARN, amount=due.points, balance_after=book.balance,
            account_version=book.version, rule_code=due.rule.code, rule_version=due.rule.version, reason_code=due.rule.code,
            reference_type="report", reference_id=due.report_id, reference_number=due.number,
        )
        lot_id = sheets.write(
            PointsLot, chance, due.at, member_id=member_id, transaction_id=made, amount=due.points, remaining=0 if lapsed else due.points,
            expires_on=last_day,
        )
        if lapsed:
            book.lapsing.append((lot_id, due.points))
        legs = {(LedgerAccount.ISSUANCE, None): -due.points, (LedgerAccount.AVAILABLE, lot_id): due.points}
        _enter(sheets, chance, due.at, made, member_id, legs)
        return made

    def _lapse(self, sheets: Sheets, chance: random.Random, member_id: UUID, book: Book) -> UUID:
        """As the nightly job does it."""
        at = datetime.combine(self._lapse_on, JUST_AFTER_MIDNIGHT, clock.SHANGHAI).astimezone(UTC)
        points = sum(amount for _, amount in book.lapsing)
        book.version, book.balance = book.version + 1, book.balance - points
        made = sheets.write(
            PointsTransaction, chance, at, member_id=member_id, kind=Kind.EXPIRE, amount=-points, balance_after=book.balance,
            account_version=book.version, reason_code="lapsed", reference_type="lapse", reference_id=id_at(at, chance),
            reference_number=self._lapse_on.isoformat(),
        )
        legs: dict[tuple[LedgerAccount, UUID | None], int] = {
            (LedgerAccount.AVAILABLE, lot_id): -amount for lot_id, amount in book.lapsing
        }
        _enter(sheets, chance, at, made, member_id, legs | {(LedgerAccount.EXPIRED, None): points})
        book.lapsing.clear()
        return made


def _enter(
    sheets: Sheets, chance: random.Random, at: datetime, transaction_id: UUID, member_id: UUID,
    legs: Mapping[tuple[LedgerAccount, UUID | None], int],
) -> None:
    for (account, lot_id), amount in legs.items():
        sheets.write(
            PointsEntry, chance, at, transaction_id=transaction_id, account=account, lot_id=lot_id, amount=amount,
            member_id=member_id if account is LedgerAccount.AVAILABLE else None,
        )
