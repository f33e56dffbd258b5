"""THE list of what features make of sealed sentences in tables of their own: nothing in the row gives it, so their services re-make it."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.db.session import AsyncSession
from app.reports import queries_grams as reports_queries_grams
from app.reports import service as reports_service
from app.reports.service import Indexed
from app.rotation.fields import Place
from app.security.sealing import Under


class Remake(Protocol):
    async def __call__(self, session: AsyncSession, *, after: UUID | None, limit: int, every_key: bool) -> Indexed: ...


@dataclass(frozen=True, slots=True)
class Derived:
    """`remake` does the next rows after one, of those that another key made; `made_under` counts the rows by what each says of itself."""

    place: Place
    column: str
    remake: Remake
    made_under: Callable[[AsyncSession], Awaitable[Counter[str]]]

    async def survey(self, session: AsyncSession) -> Counter[Under]:
        found = await self.made_under(session)
        return Counter({under(name): count for name, count in found.items()})


def under(name: str) -> Under:
    """What a row says of itself. One that is due says nothing: it may hold numbers of any key."""
    kid, _, cipher = name.rpartition("/")
    return Under(kid or "?", cipher or "?")


DERIVED = (
    Derived(
        Place("report_gram", {}, key=("report_id",), row="report_id"), "grams",
        remake=reports_service.index_next, made_under=reports_queries_grams.made_under,
    ),
)
