"""Pure rules of registrations: states and commands, who may give which, who is a Party member, when six months are over."""

import calendar
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.errors import ConsentRequired, Forbidden, InvalidTransition, PhoneRequired, ValidationFailed
from app.registrations.models import ActorRole, Command, MatchedBy, Registration, Status

MOBILE_MONTHS = 6
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


# What the person, the organisation's secretary and the contact person may do in each state, and where it leads.
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
    Status.APPROVED: {Command.CONTACTS: Status.APPROVED, Command.CONTACT_PERSON: Status.APPROVED},
}
CONTACT: Mapping[Status, Mapping[Command, Status]] = {Status.APPROVED: {Command.CONTACTS: Status.APPROVED}}
TABLES = {ActorRole.MEMBER: OWN, ActorRole.SECRETARY: STAFF, ActorRole.CONTACT: CONTACT}
OPEN = frozenset(OWN)
PARTY_STATES = frozenset({Status.PENDING, Status.RETURNED, Status.APPROVED, Status.REJECTED})
ALWAYS_EDITABLE = frozenset({"occupation", "work_area_id", "employers"})
CONTACT_ROLES = (Role.ORG_SECRETARY, Role.INSTRUCTOR)
MATCH_TEXTS = {
    MatchedBy.SCANNED: "扫描该组织的二维码登记",
    MatchedBy.WORK_AREA: "按工作区域匹配到最近的组织",
    MatchedBy.ENTERPRISE: "按所在单位匹配到该单位的组织",
    MatchedBy.TRADE: "按职业匹配到本地的行业组织",
    MatchedBy.TENANT: "附近没有更合适的组织，匹配到本地的组织",
    MatchedBy.ROOT_COMMITTEE: "暂未找到更近的组织，由本地的兜底组织先行受理",
}


def standing(principal: Principal, row: Registration) -> ActorRole | None:
    """As what somebody stands to a registration. Nobody is official to oneself, and a contact person only while holding the office."""
    if row.member_id == principal.account_id:
        return ActorRole.MEMBER
    organisation_id = row.organisation_id
    if organisation_id is None:
        return None
    if principal.holds(ScopeType.ORGANISATION, organisation_id, Role.ORG_SECRETARY):
        return ActorRole.SECRETARY
    named = row.contact_account_id == principal.account_id
    return ActorRole.CONTACT if named and principal.holds(ScopeType.ORGANISATION, organisation_id, *CONTACT_ROLES) else None


def allowed(status: Status, role: ActorRole | None) -> list[str]:
    """The commands that a caller may give now."""
    return [] if role is None else [command.value for command in TABLES[role].get(status, {})]


def step(role: ActorRole, status: Status, command: Command) -> Status:
    """Where a command leads. Raises InvalidTransition."""
    steps = TABLES[role].get(status, {})
    if command not in steps:
        raise InvalidTransition(state=status, allowed=allowed(status, role))
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
            "提交后只能修改工作区域、单位和职业", state=status, allowed=allowed(status, ActorRole.MEMBER)
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


def months_later(day: date, months: int) -> date:
    """The same day some months on, or the last of that month where it has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def away_since(declared: Mapping[str, Any] | None) -> date | None:
    """Since when somebody declared to be away from the home branch."""
    told = ((declared or {}).get("party") or {}).get("away_since")
    return None if told is None else date.fromisoformat(told)


def require_contact_office(principal: Principal) -> None:
    """Raises Forbidden for whoever can be nobody's contact person."""
    if not principal.scope_ids(ScopeType.ORGANISATION, *CONTACT_ROLES):
        raise Forbidden
