"""Answers about registrations for staff, and what staff and the person see beyond the registration itself."""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.registrations.models import ActorRole, Command, Direction, Status
from app.registrations.schemas import AREA, EXAMPLE, ID, MATCH, MEMBER, ORGANISATION, MatchOut, RegistrationOut
from app.schemas import Day, Instant, Named, Occupation, Out

SIX_MONTHS: dict[str, Any] = {"since": "2026-06-15", "on": "2026-12-15", "reached": False}
LINE: dict[str, Any] = {
    "id": ID, "number": "S20261124-000017", "direction": "org_seeks_member", "status": "pending", "organisation": ORGANISATION,
    "match": MATCH, "member": MEMBER, "occupation": "food_delivery", "work_area": AREA, "next_contact_on": None, "overdue_days": None,
    "six_months": None, "at": "2026-11-24T02:00:00Z", "version": 1, "allowed": ["approve", "return", "reject", "transfer"],
}
CONTACT: dict[str, Any] = {
    "note": "已电话联系", "next_contact_on": "2026-12-08", "at": EXAMPLE["at"], "by": {"role": "contact", "name": "李指导"},
    "made_by_you": False,
}
STEP: dict[str, Any] = {
    "command": "return", "from": "pending", "to": "returned", "organisation": ORGANISATION, "from_organisation": None,
    "reason": "请补充组织关系所在党支部的全称", "at": EXAMPLE["at"], "by": "secretary",
}
DETAIL: dict[str, Any] = EXAMPLE | {"member": MEMBER, "contacts": [CONTACT], "history": [STEP], "six_months": SIX_MONTHS}


class SixMonths(Out):
    """A mobile member who is away for six months is to be asked about moving the membership. For the secretary alone.

    `since` as declared, else the day of the approval.
    """

    since: Day | None
    on: Day
    reached: bool


class RegisteredMember(Out):
    """Who registered, for the staff of the organisation: the phone is masked, the full one is a matter of `reveal`."""

    id: UUID
    name: str | None
    phone: str | None


class LineOut(Out):
    """One line of the staff's list, without what was declared about the Party. `overdue_days` (0: today) in the list of contacts due."""

    model_config = {"json_schema_extra": {"examples": [LINE]}}

    id: UUID
    number: str
    direction: Direction
    status: Status
    organisation: Named | None
    match: MatchOut | None
    member: RegisteredMember
    occupation: Occupation | None
    work_area: Named
    next_contact_on: Day | None
    overdue_days: int | None
    six_months: SixMonths | None
    at: Instant
    version: int
    allowed: list[str]


class ContactMaker(Out):
    role: Literal[ActorRole.SECRETARY, ActorRole.CONTACT]
    name: str | None


class ContactOut(Out):
    """A contact that took place; the note of an erased person is null."""

    note: str | None
    next_contact_on: Day
    at: Instant
    by: ContactMaker
    made_by_you: bool


class StepOut(Out):
    """One step of the history. `reason`: the secretary reads each one, the person why it was returned or rejected."""

    command: Command
    from_: Status | None = Field(alias="from")
    to: Status
    organisation: Named | None
    from_organisation: Named | None
    reason: str | None
    at: Instant
    by: ActorRole


class DetailOut(RegistrationOut):
    """A registration for the secretary of its organisation, less of it for others; each reading is audited.

    The person sees no `member` and no `contacts`, the contact person nothing declared, no reason and no history.
    """

    model_config = {"json_schema_extra": {"examples": [DETAIL]}}

    member: RegisteredMember | None
    contacts: list[ContactOut]
    history: list[StepOut]
    six_months: SixMonths | None


class CountsOut(Out):
    """How many open registrations an area has. `party` is null for fewer than ten below the county: so few could be told apart."""

    model_config = {"json_schema_extra": {"examples": [{"area": AREA, "active": 214, "party": 12, "party_pending": None}]}}

    area: Named
    active: int
    party: int | None
    party_pending: int | None
