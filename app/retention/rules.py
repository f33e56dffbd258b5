"""THE list of what does not stay whole for ever: which rows a rule finds, what is done to them, how far its days may be moved.

The seeded days (reliability.md 4.9) are promises to the people concerned, and so the most that a rule may say; below the least, a case that
can still be reopened, disputed or checked would lose what it is decided by.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa

from app.db.session import AsyncSession
from app.proofs import queries as proofs_queries
from app.proofs import service as proofs_service
from app.proofs.models import ReportProof
from app.reports import queries_keeping
from app.reports.models import Report, ReportClaim
from app.reports.service import keeping
from app.signals import queries as signals_queries
from app.signals import service as signals_service

HIDDEN = "结案后到期，隐去电话、证件号、车牌和姓名"
Due = Callable[[int], sa.Select[*tuple[Any, ...]]]


class Follow(Protocol):
    def __call__(self, session: AsyncSession, *, ids: Collection[UUID]) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class Keeper:
    """`due(days)` selects (id, number, since) of what is over; `locks` is the table whose rows a run holds.

    `follow` does what `then` says.
    """

    title: str
    then: str
    least: int
    most: int
    due: Due
    locks: Any
    follow: Follow


def _step(title: str, then: str, least: int, most: int, column: str, follow: Follow) -> Keeper:
    return Keeper(title, then, least, most, lambda days: queries_keeping.undone(column, days), Report, follow)


KEEPERS: Mapping[str, Keeper] = {
    "place_rounded": Keeper(
        "上报的准确位置", "结案后到期，坐标保留三位小数，删除地址和照片里的位置", 1, 90, queries_keeping.exact_places, Report,
        keeping.round_places,
    ),
    "place_area_only": _step(
        "上报的大致位置", "结案后到期，只保留所在社区", 90, 365, "place_area_only_at", keeping.leave_areas
    ),
    "original_photo": _step("照片原件", "结案后到期删除，保留清理过的副本", 8, 180, "originals_dropped_at", keeping.drop_originals),
    "photo_cleaned": _step("照片的清理副本", "结案后到期删除", 90, 730, "photos_dropped_at", keeping.drop_photos),
    "report_text": _step("上报的描述", HIDDEN, 180, 1_095, "text_anonymised_at", keeping.anonymise_texts),
    "report_note": _step("办理过程中的意见", HIDDEN, 180, 1_095, "notes_anonymised_at", keeping.anonymise_notes),
    "signal": Keeper("真实性提示", "结案后到期删除", 30, 365, signals_queries.outlived, Report, signals_service.drop),
    "claim": Keeper("审核认领记录", "认领结束后到期删除", 1, 365, queries_keeping.claims, ReportClaim, keeping.drop_claims),
    "proof": Keeper("停留证明", "开具后到期删除", 30, 180, proofs_queries.outlived, ReportProof, proofs_service.drop),
}
