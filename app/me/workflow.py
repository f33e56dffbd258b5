"""Pure rules: the life of an account as its person sees it, and whose duty a person's data is."""

from datetime import date, timedelta
from uuid import UUID

from app.auth.principal import AccountKind, AccountStatus, Principal
from app.auth.roles import Role, ScopeType
from app.errors import Forbidden, NotFound
from app.members.models import Purpose

RESTORABLE_DAYS = 7
REVEALS, REVEAL_PERIOD_S = 20, 3_600


def erasure_day(today: date) -> date:
    """The local day on which an account that is cancelled today is erased."""
    return today + timedelta(days=RESTORABLE_DAYS)


def allowed(status: AccountStatus, kind: AccountKind) -> list[str]:
    """The commands that a person may give about the own account."""
    if kind is not AccountKind.WECHAT:
        return []
    return {AccountStatus.ACTIVE: ["update", "cancel"], AccountStatus.CANCELLING: ["restore", "cancel"]}.get(status, [])


def closed_by_withdrawal(purpose: Purpose, *, stood: bool, ended: str | None) -> list[dict[str, str | None]]:
    """What a withdrawal has closed: `stood` is whether there was a yes to take back, `ended` the number of the registration that ended."""
    if purpose is Purpose.PARTY_IDENTITY:
        return [] if ended is None else [{"kind": "registration", "number": ended}]
    line = {Purpose.EMPLOYER_STATEMENT: "statement_line", Purpose.PUBLICITY: "publicity_line"}.get(purpose)
    return [{"kind": line, "number": None}] if stood and line else []


def require_duty(principal: Principal, *, area_path: str | None, organisation_id: UUID | None) -> None:
    """Whose duty it is: the administrator of the member's area, the secretary of the organisation that the member is registered with.

    Raises:
        Forbidden: the member lies within another grant of the caller's.
        NotFound: within none.
    """
    administers = area_path is not None and principal.covers(area_path, Role.AREA_ADMIN)
    leads = organisation_id is not None and principal.holds(ScopeType.ORGANISATION, organisation_id, Role.ORG_SECRETARY)
    if administers or leads:
        return
    near = area_path is not None and principal.covers(area_path, *Role)
    if near or (organisation_id is not None and principal.holds(ScopeType.ORGANISATION, organisation_id, *Role)):
        raise Forbidden
    raise NotFound
