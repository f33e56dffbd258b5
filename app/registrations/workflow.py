"""Pure rules of registrations: states and commands, who is a Party member."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from app.errors import ConsentRequired, InvalidTransition, PhoneRequired, ValidationFailed
from app.registrations.models import Status

SMALL_GROUP = 10  # below a tenant, fewer people than this are not counted aloud


class PoliticalStatus(StrEnum):
    MASSES = "masses"
    LEAGUE_MEMBER = "league_member"
    APPLICANT = "applicant"
    ACTIVIST = "activist"
    DEVELOPMENT_TARGET = "development_target"
    PROBATIONARY_MEMBER = "probationary_member"
    FULL_MEMBER = "full_member"

    @property
    def in_party(self) -> bool:
        return self in (PoliticalStatus.PROBATIONARY_MEMBER, PoliticalStatus.FULL_MEMBER)


class Command(StrEnum):
    UPDATE = "update"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"
    TRANSFER = "transfer"
    CONTACTS = "contacts"


# What the person, and what the organisation's secretary, may do in each state, and where it leads.
OWN: Mapping[Status, Mapping[Command, Status]] = {
    Status.ACTIVE: {Command.UPDATE: Status.ACTIVE, Command.WITHDRAW: Status.WITHDRAWN},
    Status.PENDING: {Command.UPDATE: Status.PENDING, Command.WITHDRAW: Status.WITHDRAWN},
    Status.RETURNED: {Command.UPDATE: Status.PENDING, Command.WITHDRAW: Status.WITHDRAWN},
    Status.APPROVED: {Command.UPDATE: Status.APPROVED, Command.WITHDRAW: Status.WITHDRAWN},
}
STAFF: Mapping[Status, Mapping[Command, Status]] = {
    Status.PENDING: {
        Command.APPROVE: Status.APPROVED, Command.RETURN: Status.RETURNED, Command.REJECT: Status.REJECTED,
        Command.TRANSFER: Status.PENDING,
    },
    Status.APPROVED: {Command.CONTACTS: Status.APPROVED},
}
OPEN = frozenset(OWN)
PARTY_STATES = frozenset({Status.PENDING, Status.RETURNED, Status.APPROVED, Status.REJECTED})
ALWAYS_EDITABLE = frozenset({"occupation", "work_area_id", "employers"})


def allowed(status: Status, *, own: bool, secretary: bool) -> list[str]:
    """The commands that a caller may give now; nobody decides about oneself."""
    if own:
        return [command.value for command in OWN.get(status, {})]
    return [command.value for command in STAFF.get(status, {})] if secretary else []


def own_step(status: Status, command: Command) -> Status:
    """Where the person's command leads. Raises InvalidTransition."""
    return _step(OWN, status, command)


def staff_step(status: Status, command: Command) -> Status:
    """Where the secretary's command leads. Raises InvalidTransition."""
    return _step(STAFF, status, command)


def _step(table: Mapping[Status, Mapping[Command, Status]], status: Status, command: Command) -> Status:
    steps = table.get(status, {})
    if command not in steps:
        raise InvalidTransition(state=status, allowed=[step.value for step in steps])
    return steps[command]


def first_status(political: PoliticalStatus) -> Status:
    """Who is not a Party member is in at once; a Party member's registration is decided by people."""
    return Status.PENDING if political.in_party else Status.ACTIVE


def require_consents(held: frozenset[str], political: PoliticalStatus) -> None:
    """Raises ConsentRequired for the first purpose that is missing."""
    for purpose in ("service", "party_identity") if political.in_party else ("service",):
        if purpose not in held:
            raise ConsentRequired(purpose=purpose)


def require_phone(*, bound: bool, offered: bool) -> None:
    """Raises PhoneRequired unless a number is bound or a code for one came with the call."""
    if not (bound or offered):
        raise PhoneRequired


def require_editable(status: Status, fields: set[str]) -> None:
    """Everything while it is returned; otherwise where, for whom and as what somebody works. Raises InvalidTransition."""
    if status is not Status.RETURNED and fields - ALWAYS_EDITABLE:
        raise InvalidTransition(
            "提交后只能修改工作区域、单位和职业", state=status, allowed=allowed(status, own=True, secretary=False)
        )


def corrected(declared: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A declaration after its correction.

    Raises ValidationFailed where it would no longer be a Party member's: that is another kind of registration.
    """
    fresh = {**declared, **{name: changes[name] for name in ("political_status", "party") if name in changes}}
    if not PoliticalStatus(fresh["political_status"]).in_party:
        raise ValidationFailed.of(
            "body", "political_status", msg="如申报有误，请撤回后以非党员身份重新登记", kind="political_status"
        )
    return fresh


def told_count(count: int, *, whole: bool) -> int | None:
    """A count of Party members as it may be told: below the whole tenant a small group would name people."""
    return count if whole or count >= SMALL_GROUP else None
