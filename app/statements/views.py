"""Months as answers and as files."""

from typing import Any

from starlette.responses import Response

from app.export import tables
from app.statements.models import EnterpriseStatement
from app.statements.reading import Shown

COLUMNS = ("姓名", "获得积分次数", "获得积分", "更正以前月份")


def statement(shown: Shown) -> dict[str, Any]:
    """The totals are those of everybody, for good. `members_listed` and `points_listed` are those of the lines that this answer shows."""
    month = shown.month
    return {
        "enterprise_id": month.enterprise_id, "enterprise": month.enterprise, "month": f"{month.first:%Y-%m}",
        "status": "final" if shown.final else "open", "members": month.members, "members_listed": len(shown.named),
        "points_total": month.points, "points_listed": sum(line.figures.points for _, line in shown.named),
        "corrections": month.corrections, "frozen_at": month.frozen_at, "digest": shown.digest,
        "lines": [
            {
                "member_id": line.member_id, "name": name, "events": line.figures.events, "points": line.figures.points,
                "corrections": line.figures.corrections,
            }
            for name, line in shown.named
        ],
    }


def file(shown: Shown, format: str) -> Response:
    """The same as a download. The same month gives the same bytes whenever it is asked for, as long as nobody on it withdraws. Blocks for
    the length of the work: call it in a thread.
    """
    month = shown.month
    rows: list[tuple[tables.Cell, ...]] = [
        (name, line.figures.events, line.figures.points, line.figures.corrections) for name, line in shown.named
    ]
    rows.append((f"企业合计（共 {month.members} 人，列出 {len(shown.named)} 人）", None, month.points, month.corrections))
    state = "" if shown.final else "（未结束）"
    title = f"{month.enterprise} {month.first:%Y年%m月}积分对账单{state}"
    return tables.render(format, title=title, columns=COLUMNS, rows=rows, name=f"statement-{month.first:%Y-%m}")


def brief(row: EnterpriseStatement) -> dict[str, Any]:
    """A frozen month in the list."""
    return {
        "month": f"{row.month:%Y-%m}", "status": "final", "frozen_at": row.frozen_at, "members": row.members, "points_total": row.points,
        "corrections": row.corrections, "digest": row.digest,
    }
