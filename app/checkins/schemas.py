"""Bodies and answers of check-ins and appointments."""

from typing import Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.checkins.models import AppointedRole, Kind, Status
from app.checkins.workflow import ROLES, State
from app.points.schemas import AwardOutcome
from app.schemas import Body, Count, Day, Instant, Named, Note, Out

ID = "01933c5e-7a00-7000-8000-00000000000"
AREA: dict[str, Any] = {"id": ID + "3", "name": "文化路社区"}
ENTERPRISE: dict[str, Any] = {"id": ID + "2", "name": "迅达配送有限公司"}
APPOINTMENT: dict[str, Any] = {
    "id": ID + "b", "number": "Z20261124-000017", "role": "mobile_grid_member", "role_name": "移动微网格员", "valid_from": "2026-11-24",
    "valid_until": "2027-11-23", "state": "valid", "reason": None, "verify_url": "https://xinxin.example.gov.cn/s/7k3m9q2x5t8v",
    "version": 1, "allowed": [],
}
CHECKIN: dict[str, Any] = {
    "id": ID + "a", "area": AREA, "kind": "member", "person": {"name": "王小明", "phone": "138****8000"}, "enterprise": None,
    "status": "confirmed", "wished_role": "mobile_grid_member", "note": "晚上七点后有空", "reason": None, "appointment": APPOINTMENT,
    "appointments": [APPOINTMENT], "at": "2026-11-23T02:00:00Z", "decided_at": "2026-11-24T02:00:00Z", "closed_at": None, "version": 2,
    "award": {"credited": 50, "withheld": 0, "reason": None, "code": None}, "allowed": ["end"],
}
HOLDING: dict[str, Any] = {
    "id": ID + "b", "number": "Z20261124-000017", "role": "mobile_grid_member", "role_name": "移动微网格员", "kind": "member",
    "holder": "小哥7K3M", "area": AREA, "checkin_id": ID + "a", "valid_from": "2026-11-24", "valid_until": "2027-11-23", "state": "valid",
}
FIGURES: dict[str, Any] = {
    "on": "2026-11-24", "riders": 12, "enterprises": 2,
    "roles": [{"role": "mobile_grid_member", "role_name": "移动微网格员", "count": 12}],
    "communities": [{"area": AREA, "riders": 12, "enterprises": 2}],
}


class CheckInIn(Body):
    """`enterprise_id` is the enterprise that its contact reports in; `role` what one would like to be appointed as."""

    model_config = {"json_schema_extra": {"examples": [{"kind": "member", "role": "mobile_grid_member", "note": "晚上七点后有空"}]}}

    kind: Kind
    enterprise_id: UUID | None = None
    role: AppointedRole | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.enterprise_id is not None) != (self.kind is Kind.ENTERPRISE):
            raise ValueError("企业报到须填写企业，个人报到无需填写")
        if self.role is not None and self.role not in ROLES[self.kind]:
            raise ValueError("不能申请这种身份")
        return self


class ConfirmIn(Body):
    """The role that was wished, or the usual one, from today for a year, unless told otherwise; three years at most."""

    model_config = {"json_schema_extra": {"examples": [{"role": "mobile_grid_member", "valid_until": "2027-11-23"}]}}

    role: AppointedRole | None = None
    valid_from: Day | None = None
    valid_until: Day | None = None


class AppointIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"role": "policy_speaker"}]}}

    role: AppointedRole
    valid_from: Day | None = None
    valid_until: Day | None = None


class ReasonIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"reason": "已调离本社区"}]}}

    reason: Note


class EndIn(Body):
    """A reviewer says why; who leaves need not."""

    model_config = {"json_schema_extra": {"examples": [{"reason": "已搬离本社区"}]}}

    reason: Note | None = None


class PersonOut(Out):
    """One's own; for the community's reviewer name and masked phone while the check-in is open; others read an alias."""

    name: str | None
    phone: str | None


class AppointmentOut(Out):
    """`state` is of today; `verify_url` is what the code on the certificate opens."""

    model_config = {"json_schema_extra": {"examples": [APPOINTMENT]}}

    id: UUID
    number: str
    role: AppointedRole
    role_name: str
    valid_from: Day
    valid_until: Day
    state: State
    reason: str | None
    verify_url: str
    version: int
    allowed: list[str]


class CheckInOut(Out):
    """`appointment` is the newest that is valid or is yet to begin; `appointments` are all, newest first.

    `award`: points that a rider got for it, and why not more, for the rider and the community's reviewer.
    """

    model_config = {"json_schema_extra": {"examples": [CHECKIN]}}

    id: UUID
    area: Named
    kind: Kind
    person: PersonOut | None
    enterprise: Named | None
    status: Status
    wished_role: AppointedRole | None
    note: str | None
    reason: str | None
    appointment: AppointmentOut | None
    appointments: list[AppointmentOut]
    at: Instant
    decided_at: Instant | None
    closed_at: Instant | None
    award: AwardOutcome | None
    version: int
    allowed: list[str]


class HoldingOut(Out):
    """An appointment in a list; of a rider the alias stands there."""

    id: UUID
    number: str
    role: AppointedRole
    role_name: str
    kind: Kind
    holder: str
    area: Named
    checkin_id: UUID
    valid_from: Day
    valid_until: Day
    state: State


class RoleCountOut(Out):
    role: AppointedRole
    role_name: str
    count: Count


class CommunityCountOut(Out):
    area: Named
    riders: Count
    enterprises: Count


class FiguresOut(Out):
    """How many are reported in, by community, and appointed, by role, at the end of a day."""

    on: Day
    riders: Count
    enterprises: Count
    roles: list[RoleCountOut]
    communities: list[CommunityCountOut]


class AppointmentsOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"items": [HOLDING], "next_cursor": None, "figures": FIGURES}]}}

    items: list[HoldingOut]
    next_cursor: str | None = Field(description="下一页；没有更多时为 null")
    figures: FiguresOut
