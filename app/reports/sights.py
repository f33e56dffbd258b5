"""A report as one caller meets it: what the rules ask, whether it was read to be shown or to be changed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from app.auth.principal import Principal
from app.categories.models import Severity
from app.reports import workflow
from app.reports.models import Report
from app.reports.words import ActorRole, RejectReason, Stage, Status, TextCheck
from app.reports.workflow import Deed


class Outline(NamedTuple):
    """The columns of a report that answers are made of."""

    id: UUID
    created_at: datetime
    number: str
    member_id: UUID
    status: Status
    version: int
    category_code: str | None
    severity: Severity
    description_sealed: bytes | None
    address_sealed: bytes | None
    text_check: TextCheck
    occurred_at: datetime | None
    community_id: UUID
    grid_id: UUID | None
    area_path: str
    lng: float
    lat: float
    accuracy_m: float | None
    due_stage: Stage | None
    due_at: datetime | None
    suspended_until: datetime | None
    assignee_id: UUID | None
    unit_id: UUID | None
    resolver_id: UUID | None
    verifier_id: UUID | None
    escalated_to: UUID | None
    escalated_to_top: bool
    merged_into: UUID | None
    reject_reason: RejectReason | None
    accepted_at: datetime | None
    accepted_rule: str | None
    resolved_at: datetime | None
    ended_at: datetime | None
    reopen_count: int
    rework_count: int
    extension_count: int
    satisfied: bool | None
    rating: int | None


class Near(NamedTuple):
    """What strangers are shown of an open report. `exact`: they may know its exact place; the distance is to the place that is shown."""

    id: UUID
    created_at: datetime
    status: Status
    category_code: str | None
    severity: Severity
    description_sealed: bytes | None
    text_check: TextCheck
    lng: float
    lat: float
    accuracy_m: float | None
    exact: bool
    now: datetime
    category: str | None
    photos: Sequence[Sequence[Any]] | None
    distance_m: int


@cache
def _deeds(resolver: bool, verifier: bool, asker: bool) -> frozenset[Deed]:
    done = {Deed.RESOLVER: resolver, Deed.VERIFIER: verifier, Deed.ASKER: asker}
    return frozenset(deed for deed, own in done.items() if own)


class Sight(ABC):
    """`asked_by`: who waits for the answer to a request; `now` is the database's clock."""

    __slots__ = ()

    report: Report | Outline
    joined: bool
    into_dispatched_at: datetime | None
    now: datetime

    @property
    @abstractmethod
    def asked_by(self) -> UUID | None: ...

    @property
    @abstractmethod
    def look_pending(self) -> bool: ...

    def facts(self, caller: UUID) -> workflow.Facts:
        report, asked_by = self.report, self.asked_by
        return workflow.Facts(
            status=report.status, now=self.now,
            deeds=_deeds(report.resolver_id == caller, report.verifier_id == caller, asked_by == caller),
            request_open=asked_by is not None, into_dispatched=self.into_dispatched_at is not None, reopen_count=report.reopen_count,
            ended_at=report.ended_at, at_top=report.escalated_to_top, look_pending=self.look_pending,
        )

    def parts(self, principal: Principal) -> frozenset[ActorRole]:
        report = self.report
        return workflow.actors(
            principal, member_id=report.member_id, assignee_id=report.assignee_id, joined=self.joined, area_path=report.area_path
        )

    def visible(self, principal: Principal) -> bool:
        return workflow.sees(principal, member_id=self.report.member_id, joined=self.joined, area_path=self.report.area_path)
