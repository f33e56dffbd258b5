"""Which reports may tell of one problem, and why: pure rules over distance, category, time and photos. People decide; this only sorts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.areas import geo
from app.categories.leaves import Leaf
from app.categories.models import ReportCategoryVersion
from app.reports import workflow
from app.reports.words import Status

AT_MOST = 20
ENDED_WITHIN = timedelta(days=90)  # so long a photo of an ended report still counts
COARSE_M = 100  # a place that strangers do not see exactly is no nearer to them than this
PLACE, SAME_CATEGORY, KINDRED, TIME, SAME_FILE, SAME_LOOK = 30, 20, 10, 10, 40, 30  # the most that each reason is worth, of 100


class ReasonKind(StrEnum):
    PLACE = "place"
    CATEGORY = "category"
    TIME = "time"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class Reach:
    """How far around a report of a category others are looked for; a radius of 0 turns it off."""

    category_code: str | None
    parent_code: str | None
    radius_m: int
    days: int

    @property
    def span(self) -> timedelta:
        return timedelta(days=self.days)


def reach(category: ReportCategoryVersion | Leaf | None) -> Reach:
    if category is None:
        return Reach(None, None, workflow.DUPLICATE_RADIUS_M, workflow.DUPLICATE_WITHIN.days)
    return Reach(category.category_code, category.parent_code, category.duplicate_radius_m, category.duplicate_days)


@dataclass(frozen=True, slots=True)
class Spot:
    """The report that others are compared with: where, when, of what kind."""

    lng: float
    lat: float
    at: datetime
    reach: Reach


@dataclass(frozen=True, slots=True)
class Other:
    """A report that may be about the same. `guarded`: strangers do not see its exact place. `photo_bits`: how far its photo differs."""

    id: UUID
    number: str
    status: Status
    category_code: str | None
    parent_code: str | None
    lng: float
    lat: float
    at: datetime
    guarded: bool
    photo_bits: int | None = None
    same_file: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """`reasons` are kind, sentence and what it is worth."""

    other: Other
    distance_m: int
    reasons: tuple[tuple[ReasonKind, str, int], ...]

    @property
    def score(self) -> int:
        return sum(worth for _, _, worth in self.reasons)


def matches(spot: Spot, others: list[Other], *, stranger: bool) -> list[Match]:
    """Those with a reason of place or photo, the likeliest first."""
    found = [match for other in others if (match := _match(spot, other, stranger=stranger)) is not None]
    return sorted(found, key=lambda match: (-match.score, match.distance_m, match.other.id))[:AT_MOST]


def _match(spot: Spot, other: Other, *, stranger: bool) -> Match | None:
    metres = geo.distance_m(spot.lng, spot.lat, other.lng, other.lat)
    within = _radius(spot.reach, other)
    near = other.status in workflow.OPEN and within > 0 and metres <= within and abs(spot.at - other.at) <= spot.reach.span
    if not near and other.photo_bits is None:
        return None
    told = max(COARSE_M, round(metres, -2)) if stranger and other.guarded else round(metres)
    reasons = [_place(told, metres / within)] if near else []
    reasons += [reason for reason in (_category(spot.reach, other), _time(spot, other), _photo(other)) if reason is not None]
    return Match(other, int(told), tuple(reasons))


def _radius(reach: Reach, other: Other) -> float:
    """The whole for the same category; half for a kindred one, and where one of the two is not named yet."""
    if reach.category_code is not None and reach.category_code == other.category_code:
        return reach.radius_m
    unnamed = reach.category_code is None or other.category_code is None
    return reach.radius_m / 2 if unnamed or _kindred(reach, other) else 0


def _kindred(reach: Reach, other: Other) -> bool:
    return reach.parent_code is not None and reach.parent_code == other.parent_code


def _place(told_m: float, share: float) -> tuple[ReasonKind, str, int]:
    return ReasonKind.PLACE, f"相距约 {told_m:.0f} 米", round(PLACE * (1 - share / 2))


def _category(reach: Reach, other: Other) -> tuple[ReasonKind, str, int] | None:
    if reach.category_code is not None and reach.category_code == other.category_code:
        return ReasonKind.CATEGORY, "类别相同", SAME_CATEGORY
    return (ReasonKind.CATEGORY, "同属一个大类", KINDRED) if _kindred(reach, other) else None


def _time(spot: Spot, other: Other) -> tuple[ReasonKind, str, int] | None:
    apart = abs(spot.at - other.at)
    if apart > spot.reach.span:
        return None
    return ReasonKind.TIME, f"提交时间相隔{_span(apart)}", round(TIME * (1 - apart / spot.reach.span))


def _span(apart: timedelta) -> str:
    minutes = int(apart / timedelta(minutes=1))
    if minutes < 60:
        return f" {minutes} 分钟" if minutes else "不到 1 分钟"
    return f" {minutes // 60} 小时" if minutes < 48 * 60 else f" {apart.days} 天"


def _photo(other: Other) -> tuple[ReasonKind, str, int] | None:
    if other.photo_bits is None:
        return None
    if other.same_file:
        return ReasonKind.PHOTO, "照片是同一个文件", SAME_FILE
    return ReasonKind.PHOTO, f"照片高度相似（相差 {other.photo_bits}/256）", SAME_LOOK


def shown(match: Match) -> dict[str, Any]:
    other = match.other
    return {
        "id": other.id, "number": other.number, "distance_m": match.distance_m, "status": other.status,
        "reasons": [{"kind": kind, "text": text} for kind, text, _ in match.reasons], "score": match.score,
    }
