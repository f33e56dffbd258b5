"""Bodies and answers of the contracts with stores."""

from datetime import date, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.schemas import Body, Day, Instant, Line, Note, Out, Word
from app.stores.schemas import ID
from app.stores.workflow_contracts import State

LONGEST = timedelta(days=366 * 10)
TERMS: dict[str, Any] = {
    "number": "XX-2026-017", "signed_on": "2026-12-01", "starts_on": "2027-01-01", "ends_on": "2027-12-31", "payee_name": "文化路便利店",
    "bank_name": "中国农业银行嘉祥支行", "pay_within_days": 10, "note": None,
}


def _digits(text: str) -> str:
    kept = text.replace(" ", "")
    if not (kept.isascii() and kept.isdigit() and 8 <= len(kept) <= 32):
        raise ValueError("银行账号应为 8 至 32 位数字")
    return kept


BankAccount = Annotated[str, StringConstraints(max_length=48), AfterValidator(_digits)]


class ContractIn(Body):
    """A signed contract. `pay_within_days`: working days from the confirmation of a month to its payment."""

    model_config = {"json_schema_extra": {"examples": [TERMS | {"bank_account": "6228480402564890018"}]}}

    number: Word
    signed_on: Day
    starts_on: Day
    ends_on: Day
    payee_name: Line
    bank_name: Line
    bank_account: BankAccount
    pay_within_days: Annotated[int, Field(ge=1, le=90, strict=True)] = 10
    note: Note | None = None

    @model_validator(mode="after")
    def _has_a_span(self) -> Self:
        if not timedelta() <= self.ends_on - self.starts_on <= LONGEST:
            raise ValueError("到期日应不早于生效日，且不超过十年")
        return self


class ContractEndIn(Body):
    """`ends_on`: the last day in force, today at the earliest."""

    model_config = {"json_schema_extra": {"examples": [{"ends_on": "2027-06-30", "reason": "门店搬迁"}]}}

    ends_on: Day
    reason: Note


class ContractOut(Out):
    """A contract with a store. `bank_account` is masked to its last four digits for everybody. `ended_on`: it ended early, on this day."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                TERMS
                | {
                    "id": ID + "6", "bank_account": "****0018", "state": "in_force", "ended_on": None, "end_reason": None,
                    "at": "2026-12-01T02:00:00Z", "version": 1, "allowed": ["end"],
                }
            ]
        }
    }

    id: UUID
    number: str
    state: State
    signed_on: date
    starts_on: date
    ends_on: date
    payee_name: str
    bank_name: str
    bank_account: str
    pay_within_days: int
    note: str | None
    ended_on: date | None
    end_reason: str | None
    at: Instant
    version: int
    allowed: list[str]
