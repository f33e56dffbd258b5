"""When something is a signal: pure rules over figures. None of them judges anybody; each only asks a reviewer to look."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.areas import geo
from app.signals.models import SignalKind

OLDEST_PHOTO = timedelta(hours=24)
SKEW = timedelta(minutes=5)  # a camera's clock may be ahead by so much
FAR_M = 300
FASTEST_M_PER_MINUTE = 2_000  # 120 km/h
SHORTEST = timedelta(minutes=1)  # within it somebody may report what they see at a distance, and a phone's place may jump
SPOT_M, MANY_OF_A_SPOT, MANY_PEOPLE = 50, 3, 3
WITHIN = timedelta(days=30)
RISKY_RANK, HIGHEST_RANK = 3, 4  # of those that WeChat gives
RANK_KEPT, RANK_FRESH = timedelta(days=30), timedelta(days=1)
POINT_DIGITS = 6  # a tenth of a metre: no two phones measure the same
Point = tuple[float, float]
Found = dict[SignalKind, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Photo:
    """What a photo said of itself when it came in. `given_at` is when it was attached."""

    given_at: datetime
    taken_at: datetime | None = None
    place: Point | None = None


@dataclass(frozen=True, slots=True)
class Alike:
    """Another report's photo that shows the same. `number` is None where that report is another county's business."""

    number: str | None
    distance: int
    same_file: bool
    turned: bool
    mirrored: bool


@dataclass(frozen=True, slots=True)
class Before:
    """An earlier report of the same person."""

    at: datetime
    place: Point


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the rules ask about a report. `before` has the latest first and goes back `WITHIN`; `people` are those of its very point."""

    at: datetime
    place: Point
    photos: Sequence[Photo] = ()
    alike: Sequence[Alike] = field(default=())
    before: Sequence[Before] = ()
    people: int = 1
    risk_rank: int | None = None


def signals(seen: Evidence) -> Found:
    """Every signal with its facts, in the order of `SignalKind`."""
    rules = {
        SignalKind.SAME_PHOTO: same_photo(seen.alike), SignalKind.NEAR_PHOTO: near_photo(seen.alike),
        SignalKind.OLD_PHOTO: old_photo(seen.photos), SignalKind.FAR_FROM_PHOTO: far_from_photo(seen.photos, seen.place),
        SignalKind.IMPOSSIBLE_SPEED: impossible_speed(seen), SignalKind.MANY_OF_ONE_SPOT: many_of_one_spot(seen),
        SignalKind.SAME_POINT_MANY_PEOPLE: {"people": seen.people} if seen.people >= MANY_PEOPLE else None,
        SignalKind.WECHAT_RISK: {"rank": seen.risk_rank} if (seen.risk_rank or 0) >= RISKY_RANK else None,
    }
    return {kind: facts for kind, facts in rules.items() if facts is not None}


def same_photo(alike: Sequence[Alike]) -> dict[str, Any] | None:
    same = [one for one in alike if one.same_file]
    return {"report": same[0].number, "photos": len(same)} if same else None


def near_photo(alike: Sequence[Alike]) -> dict[str, Any] | None:
    """The nearest of those that are not the very same file."""
    near = sorted((one for one in alike if not one.same_file), key=lambda one: one.distance)
    if not near:
        return None
    first = near[0]
    return {
        "report": first.number, "photos": len(near), "distance": first.distance, "turned": first.turned, "mirrored": first.mirrored,
    }


def old_photo(photos: Sequence[Photo]) -> dict[str, Any] | None:
    """The age in minutes of the oldest; below zero where a photo says that it was taken after it was given."""
    ages = [photo.given_at - photo.taken_at for photo in photos if photo.taken_at is not None]
    wrong = [age for age in ages if age > OLDEST_PHOTO or age < -SKEW]
    return {"minutes": _minutes(max(wrong))} if wrong else None


def far_from_photo(photos: Sequence[Photo], place: Point) -> dict[str, Any] | None:
    """How far the farthest is away."""
    far = max((geo.distance_m(*place, *photo.place) for photo in photos if photo.place is not None), default=0.0)
    return {"metres": round(far)} if far > FAR_M else None


def impossible_speed(seen: Evidence) -> dict[str, Any] | None:
    """From the person's previous report to this one, faster than 120 km/h."""
    if not seen.before:
        return None
    previous = seen.before[0]
    taken, metres = abs(seen.at - previous.at), geo.distance_m(*seen.place, *previous.place)
    fastest = max(taken, SHORTEST) / timedelta(minutes=1) * FASTEST_M_PER_MINUTE
    return {"metres": round(metres), "minutes": _minutes(taken)} if metres > fastest else None


def many_of_one_spot(seen: Evidence) -> dict[str, Any] | None:
    """This report counts too."""
    count = 1 + sum(geo.distance_m(*seen.place, *one.place) <= SPOT_M for one in seen.before)
    return {"reports": count} if count >= MANY_OF_A_SPOT else None


def _minutes(span: timedelta) -> int:
    return round(span / timedelta(minutes=1))


def sentence(kind: SignalKind, facts: dict[str, Any]) -> str:
    """The signal as a reviewer reads it."""
    match kind:
        case SignalKind.SAME_PHOTO:
            return f"照片与{_other(facts)}的照片是同一个文件。"
        case SignalKind.NEAR_PHOTO:
            changed = "镜像后" if facts["mirrored"] else "旋转后" if facts["turned"] else ""
            return f"照片{changed}与{_other(facts)}的照片高度相似（相差 {facts['distance']}/256）。"
        case SignalKind.OLD_PHOTO if facts["minutes"] < 0:
            return f"照片自述的拍摄时间晚于提交时间 {-facts['minutes']} 分钟。"
        case SignalKind.OLD_PHOTO:
            return f"照片自述拍摄于提交前 {facts['minutes'] // 60} 小时。"
        case SignalKind.FAR_FROM_PHOTO:
            return f"照片自述的拍摄位置距上报位置 {facts['metres']} 米。"
        case SignalKind.IMPOSSIBLE_SPEED:
            return f"距该上报人的上一件上报 {facts['metres']} 米，仅隔 {facts['minutes']} 分钟。"
        case SignalKind.MANY_OF_ONE_SPOT:
            return f"该上报人 30 天内在此处 {SPOT_M} 米范围内上报 {facts['reports']} 次。"
        case SignalKind.SAME_POINT_MANY_PEOPLE:
            return f"30 天内有 {facts['people']} 人上报了完全相同的坐标。"
        case SignalKind.WECHAT_RISK:
            return f"微信对该上报人账号的风险评级为 {facts['rank']}（最高 {HIGHEST_RANK}）。评级可能有误，请以内容为准。"


def _other(facts: dict[str, Any]) -> str:
    return f"上报 {facts['report']} " if facts["report"] else "另一件上报"
