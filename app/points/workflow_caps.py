"""Pure rules of the caps on changes by hand."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.points.models_rules import CapCode, PointsCap
from app.points.workflow import Ceiling

TITLES = {
    CapCode.GLOBAL: "各项积分合计",
    CapCode.ADJUSTMENT_PER_MEMBER: "对同一人的人工调整",
    CapCode.ADJUSTMENT_PER_MAKER: "同一经办人的人工调整",
}
PERIODS = {"day": "每日", "month": "每月", "year": "每年"}


@dataclass(frozen=True, slots=True)
class Over:
    """The cap that is too narrow, and what would be used."""

    period: str
    cap: int
    used: int


def exceeded(caps: Iterable[PointsCap], used: Ceiling) -> Over | None:
    """The cap of the shortest period that `used` goes beyond. Those of every level hold: nobody loosens the limit on themselves."""
    levels = list(caps)
    for period in PERIODS:
        had = getattr(used, f"per_{period}")
        least = min((cap for level in levels if (cap := getattr(level, f"per_{period}")) is not None), default=None)
        if least is not None and had > least:
            return Over(period, least, had)
    return None
