"""Pure rules of announcements: whose they are, what may be done when, which totals are shown, what the message says."""

import secrets
from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID

from app.announcements.models import Announcement, AnnouncementTally, Issuer, Kind, Status
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.errors import Forbidden, InvalidTransition
from app.organisations.models import Organisation

FEW = 10  # totals of a smaller audience would tell of single persons
HEADINGS = {Kind.NOTICE: "新的通知公告", Kind.POLICY: "新的政策文件"}
NEUTRAL = "请打开查看。"
PAGE = "pages/announcements/detail"
SUMMARY = 80
RECEIPTS_KEPT = timedelta(days=180)  # since publication; what is older counts as read, for everybody
RECEIPTS_DROPPED = RECEIPTS_KEPT + timedelta(days=1)  # later, so that no clock lets anybody be counted twice
WHILE_OPEN = frozenset({Status.DRAFT, Status.SCHEDULED})
ALLOWED: dict[Status, tuple[str, ...]] = {
    Status.DRAFT: ("update", "publish", "withdraw"),
    Status.SCHEDULED: ("update", "publish", "withdraw"),
    Status.PUBLISHED: ("pin", "withdraw"),
    Status.WITHDRAWN: (),
}


def status(row: Announcement, now: datetime) -> Status:
    if row.withdrawn_at is not None:
        return Status.WITHDRAWN
    if row.publish_at is None:
        return Status.DRAFT
    return Status.PUBLISHED if row.publish_at <= now else Status.SCHEDULED


def issuer(principal: Principal, area_path: str, organisations: Collection[Organisation]) -> Issuer:
    """By which right the caller may address these people. Who leads all of the organisations addresses them as their secretary; the area
    only narrows it, and the area's administrators do not read it. Raises Forbidden.
    """
    if organisations and all(_leads(principal, organisation.id) for organisation in organisations):
        return Issuer.ORGANISATION
    paths = [area_path, *(organisation.area_path for organisation in organisations)]
    if all(principal.covers(path, Role.AREA_ADMIN) for path in paths):
        return Issuer.AREA
    raise Forbidden


def manages(principal: Principal, row: Announcement, organisation_ids: Collection[UUID]) -> bool:
    """Looks after it: as an administrator of its area, or as the secretary of all the organisations that it is for."""
    if row.issuer is Issuer.AREA:
        return principal.covers(row.area_path, Role.AREA_ADMIN)
    return bool(organisation_ids) and all(_leads(principal, organisation_id) for organisation_id in organisation_ids)


def _leads(principal: Principal, organisation_id: UUID) -> bool:
    return principal.holds(ScopeType.ORGANISATION, organisation_id, Role.ORG_SECRETARY)


def past(row: Announcement, now: datetime) -> bool:
    """So long out that nobody asks any more who has read it."""
    return row.publish_at is not None and row.publish_at <= now - RECEIPTS_KEPT


def require(state: Status, command: str) -> None:
    """Raises InvalidTransition."""
    if command not in ALLOWED[state]:
        raise InvalidTransition(state=state, allowed=ALLOWED[state])


def change(fields: Collection[str]) -> str:
    """Which command a change of these fields is: what is out is still pinned and unpinned, its text stands."""
    return "pin" if set(fields) == {"pinned_until"} else "update"


def place(at: datetime) -> UUID:
    """A UUIDv7 of that instant."""
    milliseconds = int(at.timestamp() * 1000) & (2**48 - 1)
    drawn = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (drawn >> 62) << 64 | 0b10 << 62 | drawn & (2**62 - 1))


def pinned(row: Announcement, today: date) -> bool:
    return row.pinned_until is not None and row.pinned_until >= today


def totals(tally: AnnouncementTally | None) -> dict[str, int] | None:
    """None for few people, and while nobody was told."""
    return {"told": tally.told, "reads": tally.reads} if tally is not None and tally.told >= FEW else None


def message(row: Announcement) -> tuple[str, str]:
    """Title and body for the inbox. The title, which alone leaves through WeChat, is the same for everybody's announcement of a kind; of
    one for an organisation's people the body says nothing either, so that neither tells that somebody belongs to it.
    """
    return HEADINGS[row.kind], NEUTRAL if row.to_organisations else f"《{row.title}》"


def summary(body: str) -> str:
    """The beginning of the text, on one line."""
    line = " ".join(body.split())
    return line if len(line) <= SUMMARY else line[: SUMMARY - 1] + "…"


def above(path: str) -> list[str]:
    """The paths of an area and of all areas that it lies in."""
    codes = path.strip("/").split("/")
    return ["/".join(codes[:depth]) + "/" for depth in range(1, len(codes) + 1)]
