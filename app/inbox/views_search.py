"""Reports that were looked for: of what the pairs find, those whose sentences hold it for this caller."""

from collections.abc import Sequence
from typing import Any

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.inbox import queries_search
from app.inbox.queries import Asked
from app.pagination import PageQuery, encode, page_of
from app.reports import search, views, views_eyes
from app.reports.queries_lines import Line
from app.reports.search import Sought

STEPS = 4  # a page reads so often at most
SPARE = 10  # candidates over what the page needs


async def page(session: AsyncSession, principal: Principal, sought: Sought, asked: Asked, paging: PageQuery) -> dict[str, Any]:
    """A page may be short, empty even, and have a next one: when much holds the pairs and little the words. Raises Forbidden, NotFound."""
    asking = await queries_search.candidates(session, principal=principal, sought=sought, asked=asked)
    found: list[Line] = []
    after, size = paging.after, paging.limit + 1 + SPARE
    for _ in range(STEPS):
        rows = await queries_search.read(session, asking, caller=principal.account_id, limit=size, after=after)
        found += _really(session, principal, sought, rows)
        after = rows[-1].report.id if len(rows) == size else None
        if after is None or len(found) > paging.limit:
            break
    shown, cursor = paging.cut(found, lambda seen: seen.report.id)
    if cursor is None and after is not None:
        cursor = encode(after)
    return page_of(views.items(session, principal, shown), cursor)


def _really(session: AsyncSession, principal: Principal, sought: Sought, rows: Sequence[Line]) -> list[Line]:
    """A search tells by what it finds: so it looks only into what the caller is shown."""
    if sought.number is not None:
        return list(rows)

    def tells(seen: Line) -> bool:
        if sought.tail is not None and seen.report.number.endswith(sought.tail):
            return True
        told = views.sentences(session, principal, seen, exact=views_eyes.exact(principal, seen))
        return search.holds(sought, [text for text in told if text is not None])

    return [seen for seen in rows if tells(seen)]
