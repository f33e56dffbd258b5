"""Bodies of the report loop's commands."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.areas.schemas import Place
from app.categories.models import Severity
from app.reports.words import RejectReason
from app.schemas import Body, Instant, Line, Note, Text, Word

UPLOAD = "0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a11"
PLACE: dict[str, Any] = {"lng": 116.783251, "lat": 35.552113, "crs": "gcj02", "accuracy_m": 20}


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


Uploads = Annotated[list[UUID], Field(min_length=1, max_length=9)]


class ReportIn(Body):
    """A new report: photo and place are required, the category may be left to the reviewer."""

    model_config = _example(
        category_code="road_hole", description="路面有坑，骑车危险", location=PLACE, address="文化路 12 号门前", upload_ids=[UPLOAD],
        occurred_at="2026-11-22T09:30:00+08:00",
    )

    category_code: Word | None = None
    description: Text
    location: Place
    address: Line | None = None
    upload_ids: Uploads
    occurred_at: Instant | None = None


class ReportPatch(Body):
    """What is given is changed; null takes a category, an address or a time away. `upload_ids` is the whole new list."""

    model_config = _example(description="路面有坑，骑车危险，已放置路障", address="文化路 14 号门前")

    category_code: Word | None = None
    description: Text | None = None
    location: Place | None = None
    address: Line | None = None
    upload_ids: Uploads | None = None
    occurred_at: Instant | None = None

    @model_validator(mode="after")
    def _changes_what_can_change(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("没有要修改的内容")
        for name in ("description", "location", "upload_ids"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} 不能为空")
        return self


class Nothing(Body):
    """A command that needs no words."""

    model_config = _example()


class AcceptIn(Body):
    model_config = _example(category_code="road_hole", severity="normal", note="属实")

    category_code: Word | None = None
    severity: Severity | None = None
    note: Note | None = None


class RejectIn(Body):
    model_config = _example(reason_code="not_responsible", note="属于市政专项工程，已转告主管部门")

    reason_code: RejectReason
    note: Note


class MergeIn(Body):
    model_config = _example(into_id="0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a12")

    into_id: UUID


class ReasonIn(Body):
    model_config = _example(reason="不是同一处问题")

    reason: Note


class TransferIn(Body):
    model_config = _example(area_id="01933c5e-7a00-7000-8000-000000000003", reason="位置在建设社区一侧")

    area_id: UUID
    reason: Note


class DispatchIn(Body):
    model_config = _example(assignee_account_id="0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a13", note="请今天处理")

    assignee_account_id: UUID
    note: Note | None = None


class SuspendIn(Body):
    model_config = _example(reason="等待配件", until="2026-11-25T10:00:00+08:00")

    reason: Note
    until: Instant | None = None


class ExtendIn(Body):
    model_config = _example(until="2026-11-28T18:00:00+08:00", reason="雨后才能施工")

    until: Instant
    reason: Note


class RequestAnswerIn(Body):
    model_config = _example(approve=True, note="同意")

    approve: bool
    note: Note


class ResolveIn(Body):
    model_config = _example(note="已填平", upload_ids=[UPLOAD])

    note: Note
    upload_ids: Uploads


class VerifyIn(Body):
    model_config = _example(passed=True, note="现场已看")

    passed: bool
    note: Note


class SecondLookIn(Body):
    model_config = _example(passed=False, note="坑还在")

    passed: bool
    note: Note


class FeedbackIn(Body):
    model_config = _example(satisfied=True, rating=5, comment="很快")

    satisfied: bool
    rating: Annotated[int, Field(ge=1, le=5, strict=True)] | None = None
    comment: Note | None = None


class DecideIn(Body):
    model_config = _example(rework=True, note="确未修好，返工")

    rework: bool
    note: Note


class ReopenIn(Body):
    model_config = _example(reason="又坏了", upload_ids=[UPLOAD])

    reason: Note
    upload_ids: Annotated[list[UUID], Field(max_length=9)] = []
