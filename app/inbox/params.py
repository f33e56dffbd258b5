"""Query parameters of the inbox."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query

from app.categories.models import Severity
from app.errors import ValidationFailed
from app.inbox.queries import Asked, Order, Whose
from app.reports.words import Status
from app.schemas import Day

ACCOUNT, AREA, UNIT = (f"01933c5e-7a00-7000-8000-00000000000{number}" for number in (9, 2, 4))

ByStatus = Annotated[list[Status] | None, Query(description="状态，可重复；不填为全部未结", examples=[["submitted"]])]
Overdue = Annotated[bool | None, Query(description="是否超时", examples=[True])]
Assignee = Annotated[UUID | None, Query(description="处理人", examples=[ACCOUNT])]
Gone = Annotated[bool | None, Query(description="处理人已不在岗（权限失效、停用或注销）", examples=[True])]
OfCategory = Annotated[str | None, Query(max_length=40, description="类别代码；大类含其下各类", examples=["road_hole"])]
OfArea = Annotated[UUID | None, Query(description="只看该区域及下级", examples=[AREA])]
BySeverity = Annotated[Severity | None, Query(description="紧急程度", examples=["emergency"])]
OfUnit = Annotated[UUID | None, Query(description="责任单位", examples=[UNIT])]
Claimed = Annotated[Whose | None, Query(description="正在审核的人：我、无人、他人", examples=["none"])]
Escalated = Annotated[bool | None, Query(description="是否已提交上级", examples=[True])]
Look = Annotated[Literal["pending"] | None, Query(description="待复核的", examples=["pending"])]
From = Annotated[Day | None, Query(alias="from", description="上报起始日（含）", examples=["2026-11-01"])]
To = Annotated[Day | None, Query(alias="to", description="上报截止日（含）", examples=["2026-11-30"])]
By = Annotated[Order, Query(description="newest 最新在前；due 最先到期在前", examples=["due"])]


async def asked(
    status: ByStatus = None, overdue: Overdue = None, assignee: Assignee = None, assignee_gone: Gone = None,
    category_code: OfCategory = None, area_id: OfArea = None, severity: BySeverity = None, unit_id: OfUnit = None,
    claimed: Claimed = None, escalated: Escalated = None, second_look: Look = None, first: From = None, last: To = None,
    order: By = Order.NEWEST,
) -> Asked:
    """Raises ValidationFailed for days in the wrong order."""
    if first is not None and last is not None and last < first:
        raise ValidationFailed.of("query", "to", msg="截止日应不早于起始日", kind="to")
    return Asked(
        statuses=status or (), overdue=overdue, assignee=assignee, assignee_gone=assignee_gone, category_code=category_code,
        area_id=area_id, severity=severity, unit_id=unit_id, claimed=claimed, escalated=escalated,
        second_look=second_look is not None, first=first, last=last, order=order,
    )


InboxQuery = Annotated[Asked, Depends(asked)]
