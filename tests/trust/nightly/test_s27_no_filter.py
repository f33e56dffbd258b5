"""S27: the scope filter of the data layer dropped, and row security alone between everybody and what is not theirs.

Every SELECT of a request loses its conditions about its caller before it is sent: areas, the caller's id, the ids of the caller's scopes.
Then each request of the access table is asked by everybody, and no answer may hold a canary of a guarded table that lies outside of its
caller's scope. Whoever holds a grant over the place or the branch is within: which of the roles there may read what, the first wall says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, BindParameter

from app import problems
from app.auth.roles import ScopeType
from app.db.lines import listening
from app.reports import workflow as reports_workflow
from tests.access.estate import Estate
from tests.access.ground import asked, estate, ground
from tests.access.matrix import PARTY_WORDS, SHOWN_BY_JOINING, Walk
from tests.access.requests import Request
from tests.support.canaries import in_answer
from tests.support.owner import without_second_wall
from tests.support.traces import undone
from tests.trust.plugin import Measure

__all__ = ["asked", "estate", "ground"]
BOUNDS = {"~>=~", "~<~", "^@"}
# Canaries of what is made to be read by everybody in an area, and stands in tables without policies (tests/support/row_security_open.py).
PUBLIC = {"notice", "group"}
# What lies in the scope of a branch, or of a store, for whoever holds a grant there.
OF_BRANCH = {"party", "registration_id", "relation_id", "name", *PARTY_WORDS}
OF_STORE = {"staff_grant", "correction", "correction_id"}
WITHIN = {
    "secretary@own": OF_BRANCH, "instructor@own": OF_BRANCH, "owner@own": OF_STORE, "clerk@own": OF_STORE,
}

ENDED = ("revoked", "run out", "expired")  # whose grants are over, or who is nobody by now


class Filterless:
    """Takes the conditions about the caller out of every SELECT, wherever in it they stand."""

    def __init__(self) -> None:
        self.own: set[Any] = set()
        self.dropped = self.failed = 0

    def before_execute(self, _connection: Any, clause: Any, many: Any, params: Any, _options: Any) -> tuple[Any, Any, Any]:
        if not self.own or not isinstance(clause, sa.Select | sa.CompoundSelect):
            return clause, many, params
        given = {**(many[0] if many else {}), **(params or {})}

        def replaced(element: Any, **_: Any) -> Any:
            if isinstance(element, BinaryExpression) and self._about_the_caller(element, given):
                self.dropped += 1
                return sa.true()
            return None

        return visitors.replacement_traverse(clause, {}, replaced), many, params

    def _about_the_caller(self, element: Any, given: dict[str, Any]) -> bool:
        if getattr(element.operator, "opstring", None) in BOUNDS:
            return True
        if element.operator not in (operators.eq, operators.in_op) or not isinstance(element.right, BindParameter):
            return False
        value = given.get(element.right.key, element.right.value)
        values = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
        return bool(values) and all(one in self.own for one in values)


def own_ids(estate: Estate, who: str) -> set[UUID]:
    person = estate.cast[who]
    if person is None:
        return set()
    return {person.id} | {grant.scope_id for grant in person.principal.grants if grant.scope_id is not None}


@contextmanager
def filterless(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Filterless]:
    monkeypatch.setattr(reports_workflow, "sees", lambda *_, **__: True)
    monkeypatch.setattr(problems, "log", mock.Mock())  # a statement that finds two where one was meant is told with all that it held
    dropping, connection = Filterless(), estate.connection.sync_connection
    assert connection is not None
    with listening(connection, "before_execute", dropping.before_execute, retval=True):
        yield dropping


async def leaks(estate: Estate, dropping: Filterless, cells: list[tuple[Request, str]]) -> list[str]:
    walk, found = Walk(estate), list[str]()
    for request, who in cells:
        beside = PUBLIC | WITHIN.get(who, set())
        hidden = [one for one in walk.hidden(request, who) if one.name not in beside]
        async with undone(estate.connection):
            dropping.own = own_ids(estate, who)
            try:
                answer = await request.send(estate, who)
            except Exception:
                dropping.failed += 1
                continue
            finally:
                dropping.own = set()
        found += [f"{request.name} tells {who} {leak}" for leak in in_answer(answer, hidden)]
    return found


def cells(estate: Estate, asked: list[Request]) -> list[tuple[Request, str]]:
    """Each request by each of those for whom no grant covers the place of the estate."""
    place = estate.county.grid.path

    def within(who: str) -> bool:
        person = estate.cast[who]
        grants = person.principal.grants if person is not None and who not in ENDED else ()
        return any(grant.scope_type is ScopeType.AREA and place.startswith(str(grant.area_path)) for grant in grants)

    foreign = [who for who in estate.cast if not within(who)]
    return [(request, who) for request in asked if request.name != SHOWN_BY_JOINING for who in foreign]


@pytest.mark.check("S27")
async def test_row_security_alone_leaks_nothing(
    estate: Estate, asked: list[Request], monkeypatch: pytest.MonkeyPatch, measured: Measure
) -> None:
    every = cells(estate, asked)
    with filterless(estate, monkeypatch) as dropping:
        found = await leaks(estate, dropping, every)
    measured("cells without a filter", len(every))
    measured("conditions dropped", dropping.dropped)
    measured("cells that came to no answer", dropping.failed)
    measured("leaks", len(found))
    assert dropping.dropped > len(every) // 2
    assert not found, f"{len(found)} leaks:\n" + "\n".join(found[:80])


@pytest.mark.variant("S27")
async def test_without_both_walls_it_leaks(estate: Estate, asked: list[Request], monkeypatch: pytest.MonkeyPatch) -> None:
    await without_second_wall(estate.connection)
    some = [cell for cell in cells(estate, asked) if cell[1] in ("rider@other", "reviewer@sibling", "owner@other")]
    with filterless(estate, monkeypatch) as dropping:
        found = await leaks(estate, dropping, some)
    assert len(found) > 20, found
