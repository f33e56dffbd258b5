"""Pure rules of a suggestion: in which order grid workers are offered for a report, and why each."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.areas.models import Level

MOST = 20
HERE = {
    Level.GRID: "负责该网格", Level.COMMUNITY: "负责该社区", Level.STREET: "负责该街道", Level.COUNTY: "负责全县区",
    Level.CITY: "负责全市", Level.PROVINCE: "负责全省",
}


@dataclass(frozen=True, slots=True)
class Worker:
    """A grid worker whose grant covers the place. `level` is that of their deepest such grant."""

    account_id: UUID
    level: Level
    unit_id: UUID | None
    open_cases: int

    @property
    def same_grid(self) -> bool:
        return self.level is Level.GRID


def ranked(workers: Iterable[Worker], unit_id: UUID | None) -> list[Worker]:
    """Whoever belongs to the unit that the rules name comes first; then the deeper duty, the fewer cases in hand, the older account."""
    return sorted(
        workers,
        key=lambda one: (unit_id is None or one.unit_id != unit_id, -one.level.depth, one.open_cases, one.account_id),
    )[:MOST]


def reasons(worker: Worker, unit_id: UUID | None, unit_name: str | None) -> list[str]:
    """Sentences for the reviewer, the weightiest first."""
    of_unit = [f"属于{unit_name}"] if unit_id is not None and worker.unit_id == unit_id else []
    return [*of_unit, HERE[worker.level], f"在办 {worker.open_cases} 件"]
