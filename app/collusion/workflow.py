"""When something becomes a case, what brings a decided one back, how a reason reads, and who may decide. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.auth.principal import Principal
from app.auth.roles import Role
from app.collusion import features
from app.collusion.facts import AtStore, Reason, Thresholds
from app.collusion.models import CaseStatus, CollusionCase, ReasonCode
from app.collusion.reviewing import Reviewed
from app.errors import Forbidden, InvalidTransition

WINDOW_DAYS = 60  # long enough for a habit to show, short enough for the present staff and hours to be the normal
ENOUGH = 2  # the weight of independent reasons; something or other is unusual in every honest life
MORE = 2  # a decided reason is a new fact again when it rests on so many times as much
COMMANDS = {"dismiss": CaseStatus.DISMISSED, "note": CaseStatus.NOTED}


class Kind(StrEnum):
    """Reasons of one kind tell of the same thing and count once."""

    OFTEN = "often"
    FAST = "fast"
    WHEN = "when"
    DEVICE = "device"
    STAFF = "staff"
    HANDLING = "handling"
    REVIEW = "review"


KINDS = {
    ReasonCode.PAIR_SHARE: Kind.OFTEN, ReasonCode.PAIR_FREQUENCY: Kind.OFTEN, ReasonCode.QUICK: Kind.FAST, ReasonCode.ODD_HOURS: Kind.WHEN,
    ReasonCode.SHARED_DEVICE: Kind.DEVICE, ReasonCode.STORE_STAFF: Kind.STAFF, ReasonCode.TYPED_CODES: Kind.HANDLING,
    ReasonCode.UNDO_LOOPS: Kind.HANDLING, ReasonCode.OLD_TICKETS: Kind.HANDLING, ReasonCode.REVIEWER_SHARE: Kind.REVIEW,
}


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Finding:
    clerk_id: UUID
    member_id: UUID
    reviewer_id: UUID | None
    reasons: Sequence[Reason]


def findings(at: AtStore, reviewed: Mapping[UUID, Reviewed], thresholds: Thresholds) -> list[Finding]:
    """The pairs of a store of which people should be told.

    What a reviewer did is a further reason for a pair that shows something at the till, never one by itself: it is not the clerk's doing.
    """
    found = []
    for (clerk_id, member_id), reasons in features.at_store(at, thresholds).items():
        review = reviewed.get(member_id)
        if review is not None and review.reviewer_id == clerk_id:
            review = None  # the clerk of the case is named as such
        whole = reasons if review is None else [*reasons, review.reason]
        if weight(whole, thresholds) >= ENOUGH:
            found.append(Finding(clerk_id, member_id, review.reviewer_id if review else None, whole))
    return sorted(found, key=lambda one: (one.clerk_id, one.member_id))


def kinds(codes: Iterable[ReasonCode]) -> set[Kind]:
    return {KINDS[code] for code in codes}


def weight(reasons: Iterable[Reason], thresholds: Thresholds) -> int:
    """Of each kind the weightiest reason counts."""
    heaviest: dict[Kind, int] = {}
    for reason in reasons:
        kind = KINDS[reason.code]
        heaviest[kind] = max(heaviest.get(kind, 0), thresholds[reason.code].weight)
    return sum(heaviest.values())


def severity(codes: Iterable[ReasonCode]) -> Severity:
    """By the number of independent reasons; it sorts nothing and means nothing else."""
    count = len(kinds(codes))
    return Severity.HIGH if count > 2 else Severity.MEDIUM if count == 2 else Severity.LOW


def news(reasons: Sequence[Reason], known: Mapping[ReasonCode, int]) -> list[Reason]:
    """What was not known yet of a pair: a reason it never had, or one that rests on twice as much as when it was last written down."""
    return [reason for reason in reasons if reason.support >= MORE * known.get(reason.code, 0)]


def allowed(principal: Principal, case: CollusionCase, *, area_path: str) -> list[str]:
    """The commands that the caller, who sees the case, may give now."""
    return list(COMMANDS) if case.status is CaseStatus.OPEN and principal.covers(area_path, Role.AREA_ADMIN) else []


def require_administrator(principal: Principal, *, area_path: str) -> None:
    """Raises Forbidden for an auditor, who reads and decides nothing."""
    if not principal.covers(area_path, Role.AREA_ADMIN):
        raise Forbidden("审计员只能查看")


def require_open(case: CollusionCase) -> None:
    """Raises InvalidTransition for a case that is over."""
    if case.status is not CaseStatus.OPEN:
        raise InvalidTransition(state=case.status, allowed=[])


def sentence(code: ReasonCode, observed: float, expected: float, support: int) -> str:
    """The reason as people read it."""
    match code:
        case ReasonCode.PAIR_SHARE:
            return f"该顾客在本店 {support} 次核销中 {_percent(observed)} 由同一店员办理，按各班次情况预期约 {_percent(expected)}。"
        case ReasonCode.PAIR_FREQUENCY:
            return f"该店员为该顾客核销 {observed:.0f} 次，本店其他“店员—顾客”组合的中位数为 {expected:.0f} 次。"
        case ReasonCode.QUICK:
            return f"{support} 次核销从下单到核销中位 {_span(observed)}，本店其他顾客中位 {_span(expected)}。"
        case ReasonCode.ODD_HOURS:
            return f"{support} 次核销中 {_percent(observed)} 发生在本店少有顾客或未营业的时段，其他顾客为 {_percent(expected)}。"
        case ReasonCode.SHARED_DEVICE:
            return f"店员与顾客曾在同一网络的同类设备上登录（{observed:.0f} 处），两人之间核销 {support} 次。"
        case ReasonCode.STORE_STAFF:
            return f"该顾客本人是合作商家的店主或店员，两人之间核销 {support} 次。"
        case ReasonCode.TYPED_CODES:
            return f"{support} 次核销中 {_percent(observed)} 为手工输入兑换码，本店其他顾客为 {_percent(expected)}。"
        case ReasonCode.UNDO_LOOPS:
            return f"{support} 次核销中有 {observed:.0f} 次撤销后又重新核销，按本店情况预期约 {expected:.1f} 次。"
        case ReasonCode.OLD_TICKETS:
            return f"{support} 次扫码中有 {observed:.0f} 次出示的是已用过或过期的二维码，按本店情况预期约 {expected:.1f} 次。"
        case ReasonCode.REVIEWER_SHARE:
            return f"该顾客被受理的 {support} 件上报中 {_percent(observed)} 由同一审核员受理，按同社区情况预期约 {_percent(expected)}。"


def _percent(share: float) -> str:
    return f"{share * 100:.0f}%"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} 秒"
    return f"{seconds / 60:.0f} 分钟" if seconds < 7200 else f"{seconds / 3600:.0f} 小时"
