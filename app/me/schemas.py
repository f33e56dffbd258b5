"""Bodies and answers about oneself."""

from typing import Any
from uuid import UUID

from pydantic import Field

from app.auth.principal import AccountStatus
from app.auth.roles import Role, ScopeType
from app.me.models import RevealField
from app.members.schemas import ConsentOut
from app.schemas import Body, Day, Instant, Named, Note, Occupation, Out, Word

ME = "01933c5e-7a00-7000-8000-000000000001"
AREA = {"id": "01933c5e-7a00-7000-8000-000000000003", "name": "文化路社区"}
GRANT = {
    "id": "01933c5e-7a00-7000-8000-000000000002", "role": "reviewer", "scope_type": "area", "scope_id": AREA["id"],
    "scope_name": AREA["name"], "valid_until": "2027-11-24T02:00:00Z",
}
REGISTRATION = {"id": "01933c5e-7a00-7000-8000-000000000004", "number": "S20261124-000017", "status": "active"}
CONSENT = {"purpose": "service", "version": "2026-11", "granted": True, "at": "2026-11-24T02:00:00Z"}
PROFILE: dict[str, Any] = {
    "id": ME, "nickname": "风里来", "real_name": "张三", "occupation": "food_delivery", "area": AREA, "phone": "138****8000",
    "grants": [GRANT], "level": 2, "registration": REGISTRATION, "consents": [CONSENT], "status": "active", "erase_on": None, "version": 3,
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


class CancelOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"erase_on": "2026-12-01"}]}}

    erase_on: Day


class RevealIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"field": "phone", "reason": "上报现场需要电话核实位置"}]}}

    field: RevealField
    reason: Note = Field(description="查看的工作理由，本人可在个人数据副本中看到")


class RevealOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"field": "phone", "value": "13800138000"}]}}

    field: RevealField
    value: str
