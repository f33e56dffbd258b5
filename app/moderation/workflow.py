"""Who looks at what, which photos strangers may see at all, and what a decision means. Pure."""

from datetime import timedelta

from app.auth.roles import Role
from app.errors import InvalidTransition
from app.moderation.models import ItemKind, ItemStatus, ModerationItem, OwnerType, Reason
from app.reports.words import TextCheck
from app.uploads.models import Checked, Upload

ROLES = (Role.REVIEWER, Role.AREA_ADMIN)
COMMANDS = {"pass": ItemStatus.PASSED, "block": ItemStatus.BLOCKED}
REMIND_AFTER = timedelta(hours=24)
# Photos of other kinds (complaints, licences, proofs of points) are seen by their owner and by officials only: nobody need pass them.
OWNERS = {
    "report_before": OwnerType.REPORT, "report_after": OwnerType.REPORT, "report_reopen": OwnerType.REPORT,
    "store": OwnerType.STORE, "reward": OwnerType.REWARD,
}
# Photos that staff put before people and answer for: nobody need pass them, and their sender hears of one that is risky.
VOUCHED = {"announcement": "pages/announcements/detail?id={}", "group": "pages/groups/detail?id={}"}
NOUNS = {ItemKind.TEXT: "文字", ItemKind.PHOTO: "照片"}


def of_photo(upload: Upload) -> Reason | None:
    """Why people must look at a photo; None when they need not."""
    if upload.checked is Checked.RISKY:
        return Reason.RISKY
    if upload.checked is Checked.REVIEW:
        return Reason.UNANSWERED if upload.checked_at is None else Reason.REVIEW
    return None


def of_text(check: TextCheck) -> Reason | None:
    return {TextCheck.RISKY: Reason.RISKY, TextCheck.REVIEW: Reason.REVIEW}.get(check)


def allowed(item: ModerationItem) -> list[str]:
    """The commands that the caller, who sees the item, may give now."""
    return list(COMMANDS) if item.status is ItemStatus.WAITING else []


def require_waiting(item: ModerationItem) -> None:
    """Raises InvalidTransition for an item that is over."""
    if item.status is not ItemStatus.WAITING:
        raise InvalidTransition(state=item.status, allowed=[])
