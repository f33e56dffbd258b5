"""Pure rules: who is a member, which work relations end, go on and begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from app.auth.principal import AccountKind, Principal
from app.errors import Forbidden


def require_member(principal: Principal) -> None:
    """Raises Forbidden for a console account: it is nobody's person, has no phone, consents or profile."""
    if principal.kind is not AccountKind.WECHAT:
        raise Forbidden("管理后台账号没有个人资料")


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
