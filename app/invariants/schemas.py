"""Bodies and answers about freezes."""

from uuid import UUID

from app.schemas import Body, Instant, Named, Note, Out

ID = "01933c5e-7a00-7000-8000-000000000001"


class LiftIn(Body):
    """Why redemption may go on."""

    model_config = {"json_schema_extra": {"examples": [{"note": "已核对流水并补记一笔，余额一致"}]}}

    note: Note


class FreezeOut(Out):
    """Redemption stands still in an area. `count` is what the last look found: 0 means that the books are right again."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ID, "area": {"id": ID, "name": "鼓楼街道"}, "invariant": "I4", "title": "余额与分录合计不符", "count": 1,
                    "sample": [ID], "at": "2026-11-22T02:37:09Z", "checked_at": "2026-11-22T03:37:11Z", "lifted_at": None,
                    "lifted_by": None, "note": None, "version": 1, "allowed": ["lift"],
                }
            ]
        }
    }

    id: UUID
    area: Named | None
    invariant: str
    title: str
    count: int
    sample: list[str]
    at: Instant
    checked_at: Instant
    lifted_at: Instant | None
    lifted_by: UUID | None
    note: str | None
    version: int
    allowed: list[str]
