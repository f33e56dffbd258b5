"""Pure rules: who is a member, which work relations end, go on and begin, and on which days they may."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol
from uuid import UUID

from app.auth.principal import AccountKind, Principal
from app.auth.roles import Role
from app.errors import Forbidden, LimitReached, ValidationFailed

EARLIEST = date(1950, 1, 1)
AHEAD = timedelta(days=31)
EMPLOYERS = 20


def require_member(principal: Principal) -> None:
    """Raises Forbidden for a console account: it is nobody's person, has no phone, consents or profile."""
    if principal.kind is not AccountKind.WECHAT:
        raise Forbidden("管理后台账号没有个人资料")


def require_publisher(principal: Principal) -> None:
    """Raises Forbidden for anybody but the platform administrator at the console."""
    if principal.kind is not AccountKind.CONSOLE or not principal.has(Role.PLATFORM_ADMIN):
        raise Forbidden


class Employer(Protocol):
    """Whom a person says they work for: an enterprise that we know, or a name."""

    @property
    def enterprise_id(self) -> UUID | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def since(self) -> date | None: ...


@dataclass(frozen=True, slots=True)
class Change:
    """Positions in the present relations that end and go on (with the employer told), and the employers that are new."""

    ended: list[int]
    kept: list[tuple[int, Employer]]
    begun: list[Employer]


def same(one: Employer, other: Employer) -> bool:
    """The same enterprise, or the same written name when neither is an enterprise that we know."""
    if one.enterprise_id or other.enterprise_id:
        return one.enterprise_id == other.enterprise_id
    return (one.name or "").casefold() == (other.name or "").casefold()


def compare(present: Sequence[Employer], told: Sequence[Employer]) -> Change:
    """What turns the present relations into those that the person tells; an employer told twice counts once."""
    wanted: list[Employer] = []
    for employer in told:
        if not any(same(employer, known) for known in wanted):
            wanted.append(employer)
    kept = [(at, employer) for employer in wanted for at, known in enumerate(present) if same(known, employer)]
    going_on = {at for at, _ in kept}
    begun = [employer for employer in wanted if not any(same(known, employer) for known in present)]
    return Change([at for at in range(len(present)) if at not in going_on], kept, begun)


def last_day(since: date | None, today: date) -> date:
    """A relation that ends today; one that had not begun yet ends on its first day."""
    return max(since or today, today)


def require_first_day(since: date | None, today: date, *loc: str | int) -> None:
    """A person may begin within a month, and nobody worked before 1950. Raises ValidationFailed at `loc`."""
    if since is not None and not EARLIEST <= since <= today + AHEAD:
        raise ValidationFailed.of(*loc, msg="开始日期应在 1950 年以后、今后 31 天以内", kind="first_day")


def require_room(employers: int) -> None:
    """Raises LimitReached for more present employers than one person can have."""
    if employers > EMPLOYERS:
        raise LimitReached(f"同时从业的单位最多 {EMPLOYERS} 家", limit=EMPLOYERS, period=None)


def end_of_work(since: date | None, until: date | None, today: date) -> date:
    """The last day: the one told, else today. Raises ValidationFailed for one before the first day, or in the future."""
    if until is None:
        return last_day(since, today)
    if until > today or (since is not None and until < since):
        raise ValidationFailed.of("body", "until", msg="结束日期不能早于开始日期，也不能晚于今天", kind="last_day")
    return until
