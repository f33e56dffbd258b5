"""Results for an operator's shell, freezes for the console."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.areas.models import Area
from app.auth.principal import Principal
from app.invariants.checks import BY_CODE
from app.invariants.service import Result
from app.points import freezing
from app.points.models_freezes import PointsFreeze
from app.schemas import named


def lines(results: Sequence[Result]) -> Iterator[str]:
    """One line a check with its figures, what is broken with some of the ids below it, the verdict last."""
    for result in results:
        state = "未核对 / UNCHECKED" if result.error else "不符 / BROKEN" if result.broken else "ok"
        figures = f"{result.rows:>12,} rows {result.broken:>9,} broken {result.seconds:>8.2f} s"
        yield f"{result.check.code:<5} {figures}  {state}  {result.check.means}"
        if result.error:
            yield f"      {result.error}"
        yield from (f"      {result.check.title}: {place.area_path} {place.count:,}: {' | '.join(place.sample)}" for place in result.places)
    good = not any(result.broken or result.error for result in results)
    yield "账目一致 / the ledger is clean" if good else "账目不一致 / the ledger is NOT clean"


def freeze(row: PointsFreeze, note: str | None, areas: Mapping[str, Area], principal: Principal) -> dict[str, Any]:
    check = BY_CODE.get(row.invariant)
    open_to_caller = row.lifted_at is None and freezing.may_lift(principal, row.area_path)
    return {
        "id": row.id, "area": named(areas.get(row.area_path)), "invariant": row.invariant, "title": check.title if check else row.invariant,
        "count": row.count, "sample": row.sample, "at": row.created_at, "checked_at": row.checked_at, "lifted_at": row.lifted_at,
        "lifted_by": row.lifted_by, "note": note, "version": row.version, "allowed": ["lift"] if open_to_caller else [],
    }
