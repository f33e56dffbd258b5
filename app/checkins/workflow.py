"""Pure rules of check-ins: states and commands, whose they are, terms of appointments, what a certificate is worth on a day."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Protocol

from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.checkins.models import AppointedRole, CheckIn, Kind, Status, Stopped
from app.errors import Forbidden, InvalidTransition, ValidationFailed

ROLE_NAMES: Mapping[AppointedRole, str] = {
    AppointedRole.MOBILE_GRID_MEMBER: "移动微网格员",
    AppointedRole.SPECIAL_GRID_WORKER: "特聘网格员",
    AppointedRole.POLICY_SPEAKER: "政策宣讲员",
    AppointedRole.OPINION_COURIER: "民情速递员",
    AppointedRole.COMMITTEE_UNIT: "兼职委员单位",
}
# What each kind may become; the first is what it becomes unless another is asked for.
ROLES: Mapping[Kind, tuple[AppointedRole, ...]] = {
    Kind.MEMBER: tuple(role for role in AppointedRole if role is not AppointedRole.COMMITTEE_UNIT),
    Kind.ENTERPRISE: (AppointedRole.COMMITTEE_UNIT,),
}
RULE = "COMMUNITY_CHECKIN"
REMINDER_DAYS = 30
LONGEST_YEARS = 3
OPEN = frozenset({Status.PENDING, Status.CONFIRMED})
STAFF = (Role.REVIEWER, Role.AREA_ADMIN)


class Command(StrEnum):
    CONFIRM = "confirm"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    END = "end"
    APPOINT = "appoint"


class Side(StrEnum):
    """From which side somebody acts: as the person or the enterprise's contact, or as the community's reviewer."""

    OWN = "own"
    REVIEWER = "reviewer"


class State(StrEnum):
    """What an appointment is worth on a day."""

    NOT_YET = "not_yet"
    VALID = "valid"
    ENDED = "ended"
    REVOKED = "revoked"


STEPS: Mapping[Side, Mapping[Status, Mapping[Command, Status]]] = {
    Side.OWN: {
        Status.PENDING: {Command.WITHDRAW: Status.WITHDRAWN},
        Status.CONFIRMED: {Command.END: Status.ENDED},
    },
    Side.REVIEWER: {
        Status.PENDING: {Command.CONFIRM: Status.CONFIRMED, Command.REJECT: Status.REJECTED},
        Status.CONFIRMED: {Command.APPOINT: Status.CONFIRMED, Command.END: Status.ENDED},
    },
}
COMMANDS = {side: frozenset(command for steps in states.values() for command in steps) for side, states in STEPS.items()}


def owns(principal: Principal, row: CheckIn) -> bool:
    """The person's own, or that of an enterprise whose contact the caller is."""
    if row.enterprise_id is not None:
        return principal.holds(ScopeType.ENTERPRISE, row.enterprise_id, Role.ENTERPRISE_CONTACT)
    return row.member_id == principal.account_id


def side(principal: Principal, row: CheckIn) -> Side | None:
    """None for who only looks on. Nobody decides about oneself, an enterprise that one speaks for, or what one has filed."""
    if owns(principal, row):
        return Side.OWN
    decides = row.reported_by != principal.account_id and principal.covers(row.area_path, Role.REVIEWER)
    return Side.REVIEWER if decides else None


def visible(principal: Principal, row: CheckIn) -> bool:
    return owns(principal, row) or principal.covers(row.area_path, *STAFF)


def reads_person(principal: Principal, row: CheckIn) -> bool:
    """A reviewer must know whom the community takes in and appoints: who reports in tells one's name by that. No longer than it is open."""
    return row.kind is Kind.MEMBER and row.status in OPEN and side(principal, row) is Side.REVIEWER


def reads_texts(principal: Principal, row: CheckIn) -> bool:
    """Note and reason stand between those who reported in and the community's reviewers."""
    return side(principal, row) is not None


def allowed(principal: Principal, row: CheckIn) -> list[str]:
    """The commands that this caller may give now."""
    acting = side(principal, row)
    return [] if acting is None else [command.value for command in STEPS[acting].get(row.status, {})]


def require_side(principal: Principal, row: CheckIn, command: Command) -> Side:
    """Raises Forbidden for who may see the check-in but never gives this command."""
    acting = side(principal, row)
    if acting is None or command not in COMMANDS[acting]:
        raise Forbidden
    return acting


def step(principal: Principal, row: CheckIn, acting: Side, command: Command) -> Status:
    """Where a command leads. Raises InvalidTransition."""
    steps = STEPS[acting].get(row.status, {})
    if command not in steps:
        raise InvalidTransition(state=row.status, allowed=allowed(principal, row))
    return steps[command]


def role_for(kind: Kind, *wishes: AppointedRole | None) -> AppointedRole:
    """The first role that is wished, else the kind's usual one. Raises ValidationFailed for a role that this kind cannot have."""
    role = next((wish for wish in wishes if wish is not None), ROLES[kind][0])
    if role not in ROLES[kind]:
        raise ValidationFailed.of("body", "role", msg=f"不能聘任为{ROLE_NAMES[role]}", kind="role")
    return role


def years_later(day: date, years: int) -> date:
    """The same day of a later year; 29 February becomes 28 February, as PostgreSQL counts too."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def term(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """First and last day of an appointment: from today for a year, unless told otherwise.

    Raises ValidationFailed for one that begins in the past, ends before it begins, or lasts longer than three years.
    """
    begins = first or today
    ends = last or years_later(begins, 1) - timedelta(days=1)
    if begins < today:
        raise ValidationFailed.of("body", "valid_from", msg="聘期不能从今天以前开始", kind="valid_from")
    if not begins <= ends < years_later(begins, LONGEST_YEARS):
        raise ValidationFailed.of("body", "valid_until", msg=f"聘期应在开始之后，最长 {LONGEST_YEARS} 年", kind="valid_until")
    return begins, ends


class Dated(Protocol):
    """What decides about the worth of an appointment."""

    valid_from: date
    valid_until: date
    stopped_as: Stopped | None


def state(appointment: Dated, today: date) -> State:
    """`today` is the local day by the database's clock."""
    if appointment.stopped_as is not None:
        return State(appointment.stopped_as.value)
    if today > appointment.valid_until:
        return State.ENDED
    return State.NOT_YET if today < appointment.valid_from else State.VALID
