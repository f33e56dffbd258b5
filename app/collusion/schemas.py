"""Bodies and answers about cases. Persons are told by their aliases alone."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import Field

from app.collusion.models import CaseStatus, ReasonCode
from app.collusion.workflow import Severity
from app.schemas import Body, Instant, Named, Note, Out

ID = "01933c5e-7a00-7000-8000-000000000001"
REASON: dict[str, Any] = {
    "code": "quick", "text": "14 次核销从下单到核销中位 6 秒，本店其他顾客中位 37 分钟。", "observed": 6.0, "expected": 2220.0,
    "support": 14, "from": "2026-09-23", "to": "2026-11-21", "at": "2026-11-21T19:13:02Z",
}
CASE: dict[str, Any] = {
    "id": ID, "store": {"id": ID, "name": "东风便利店"}, "clerk": "小哥7K3M", "member": "小哥0QXB", "reviewer": None, "severity": "medium",
    "status": "open", "opened_at": "2026-11-21T19:13:02Z", "decided_at": None, "decided_by": None, "note": None, "reasons": [REASON],
    "version": 1, "allowed": ["dismiss", "note"],
}
USE: dict[str, Any] = {"id": ID, "number": "D20261121-000017", "verified_at": "2026-11-21T05:12:09Z", "typed": False, "undone_at": None}


class DecisionIn(Body):
    """Why; it is kept with the case."""

    model_config = {"json_schema_extra": {"examples": [{"note": "已核实：顾客为隔壁快递站员工，每日午间固定到店"}]}}

    note: Note


class ReasonOut(Out):
    """`support`: how many verifications (of reports: acceptances) it rests on; `expected`: by the store's own normal."""

    model_config = {"json_schema_extra": {"examples": [REASON]}}

    code: ReasonCode
    text: str
    observed: float
    expected: float
    support: int
    from_: date = Field(alias="from")
    to: date
    at: Instant


class CaseOut(Out):
    """A clerk and a member at a store whom people should look at. `severity` counts independent reasons and means nothing else."""

    model_config = {"json_schema_extra": {"examples": [CASE]}}

    id: UUID
    store: Named
    clerk: str | None
    member: str | None
    reviewer: str | None
    severity: Severity
    status: CaseStatus
    opened_at: Instant
    decided_at: Instant | None
    decided_by: str | None
    note: str | None
    reasons: list[ReasonOut]
    version: int
    allowed: list[str]


class CaseUseOut(Out):
    """A verification between the two."""

    model_config = {"json_schema_extra": {"examples": [USE]}}

    id: UUID
    number: str
    verified_at: Instant
    typed: bool
    undone_at: Instant | None


class CaseDetailOut(CaseOut):
    """With the newest hundred verifications of the days that its reasons tell of."""

    model_config = {"json_schema_extra": {"examples": [{**CASE, "verifications": [USE]}]}}

    verifications: list[CaseUseOut]
