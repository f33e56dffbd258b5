"""Bodies and answers about oneself."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.auth.principal import AccountStatus
from app.auth.roles import Role, ScopeType
from app.me.models import RevealField, RevealPurpose
from app.members.schemas import SAID, ConsentOut
from app.schemas import Body, Day, Instant, Named, Note, Occupation, Out, Word

Reason = Annotated[Note, StringConstraints(min_length=2)]  # 核实 is a reason, a single mark is none
ME = "01933c5e-7a00-7000-8000-000000000001"
AREA = {"id": "01933c5e-7a00-7000-8000-000000000003", "name": "文化路社区"}
GRANT = {
    "id": "01933c5e-7a00-7000-8000-000000000002", "role": "reviewer", "scope_type": "area", "scope_id": AREA["id"],
    "scope_name": AREA["name"], "valid_until": "2027-11-24T02:00:00Z",
}
REGISTRATION = {"id": "01933c5e-7a00-7000-8000-000000000004", "number": "S20261124-000017", "status": "active"}
PROFILE: dict[str, Any] = {
    "id": ME, "nickname": "风里来", "real_name": "张三", "occupation": "food_delivery", "area": AREA, "phone": "138****8000",
    "grants": [GRANT], "level": 2, "registration": REGISTRATION, "consents": [SAID], "status": "active", "erase_on": None, "version": 3,
    "allowed": ["update", "cancel"],
}


class GrantOut(Out):
    """One role in force."""

    id: UUID
    role: Role
    scope_type: ScopeType
    scope_id: UUID | None
    scope_name: str | None
    valid_until: Instant


class ProfileOut(Out):
    """`erase_on` is set while the account is being cancelled; `level` is 1 to 5."""

    model_config = {"json_schema_extra": {"examples": [PROFILE]}}

    id: UUID
    nickname: str | None
    real_name: str | None
    occupation: Occupation | None
    area: Named | None
    phone: str | None
    grants: list[GrantOut]
    level: int
    registration: dict[str, Any] | None
    consents: list[ConsentOut]
    status: AccountStatus
    erase_on: Day | None
    version: int
    allowed: list[str]


class ClosedOut(Out):
    """One thing that a withdrawal has ended: a registration, the own line in employers' statements or in publicity lists."""

    model_config = {"json_schema_extra": {"examples": [{"kind": "registration", "number": REGISTRATION["number"]}]}}

    kind: Literal["registration", "statement_line", "publicity_line"]
    number: str | None


class ConsentChangedOut(ConsentOut):
    """What is noted now, and what a withdrawal has closed with it."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                SAID | {
                    "purpose": "party_identity", "granted": False,
                    "closed": [{"kind": "registration", "number": REGISTRATION["number"]}],
                }
            ]
        }
    }

    closed: list[ClosedOut]


class ProfilePatch(Body):
    """What is given is changed; null empties it. Name, work area and employers are corrected in the registration."""

    model_config = {"json_schema_extra": {"examples": [{"nickname": "风里来", "occupation": "courier"}]}}

    nickname: Word | None = None
    occupation: Occupation | None = None


class ExportOut(Out):
    """A copy of everything that is kept about the caller, by feature."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ME, "exported_at": "2026-11-24T02:00:00Z",
                    "data": {"reports": {"reports": [{"number": "R20261122-000017", "status": "closed"}]}, "members": {"profile": None}},
                }
            ]
        }
    }

    id: UUID
    exported_at: Instant
    data: dict[str, dict[str, Any]]


class ClosingOut(Out):
    """What is open and is given up: live orders end at once and their points come back, open reports are dealt with without their
    reporter, an open registration ends and the points lapse with the account."""

    orders: int
    reports: int
    registrations: int
    points: int


class CancelOut(Out):
    model_config = {
        "json_schema_extra": {
            "examples": [{"erase_on": "2026-12-01", "closing": {"orders": 1, "reports": 2, "registrations": 1, "points": 120}}]
        }
    }

    erase_on: Day
    closing: ClosingOut


class RevealIn(Body):
    model_config = {
        "json_schema_extra": {"examples": [{"field": "phone", "reason": "上报现场需要电话核实位置", "purpose": "handle_case"}]}
    }

    field: RevealField
    reason: Reason = Field(description="查看的工作理由，本人可在个人数据副本中看到")
    purpose: RevealPurpose | None = Field(default=None, description="用途")


class RevealOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"field": "phone", "value": "13800138000"}]}}

    field: RevealField
    value: str
