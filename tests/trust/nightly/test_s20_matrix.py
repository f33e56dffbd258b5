"""S20 to S26: the whole access matrix, what its answers tell, what its refusals leave, side doors, fields; and the known-bad variants."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import httpx
import pytest
import sqlalchemy as sa

from app.auth import queries as auth_queries
from app.auth import workflow as auth_workflow
from app.auth.policy import Policy
from app.auth.principal import Principal
from app.auth.work import Work
from app.db.prepared import Prepared
from app.errors import NotFound
from app.uploads import attaching
from tests.access.ending import climbed, climbs, endings, outlived, prepare
from tests.access.estate import Estate
from tests.access.fields import accepted, columns
from tests.access.ground import asked, estate, ground
from tests.access.matrix import Walk, whole
from tests.access.requests import Request
from tests.access.side_doors import by_cursor, doors, of_another_kind, opened
from tests.support.owner import as_owner, without_second_wall
from tests.trust.plugin import Measure

__all__ = ["asked", "estate", "ground"]
GOAL_CELLS = 5_000


@pytest.mark.check("S20", "S21", "S22")
async def test_the_whole_matrix(estate: Estate, asked: list[Request], measured: Measure) -> None:
    began = time.perf_counter()
    walk = await Walk(estate).over(whole(estate, asked))
    measured("cells", walk.cells)
    measured("as declared", f"{100 * (1 - len(walk.wrong) / walk.cells):.2f}", "%")
    measured("canaries found", len(walk.leaks))
    measured("denied writes", walk.denied_writes)
    measured("traces", len(walk.traces))
    measured("seconds", round(time.perf_counter() - began), "s")
    assert walk.cells >= GOAL_CELLS
    assert not walk.wrong, f"{len(walk.wrong)} cells:\n" + "\n".join(walk.wrong[:60])
    assert not walk.leaks, f"{len(walk.leaks)} leaks:\n" + "\n".join(walk.leaks[:60])
    assert not walk.traces, f"{len(walk.traces)} traces:\n" + "\n".join(walk.traces[:60])


@pytest.mark.check("S23")
async def test_every_side_door(estate: Estate, asked: list[Request], measured: Measure) -> None:
    tried = await doors(estate)
    wrong = await opened(estate, tried) + await of_another_kind(estate, asked) + await by_cursor(estate)
    measured("side doors", len(tried))
    assert not wrong, "\n".join(wrong)


@pytest.mark.check("S24")
async def test_every_column_on_every_write(estate: Estate, asked: list[Request], document: dict[str, Any], measured: Measure) -> None:
    tried, wrong = await accepted(estate, document, asked, await columns(estate))
    measured("fields tried", tried)
    assert tried > 20_000
    assert not wrong, "\n".join(wrong)


def some(estate: Estate, asked: list[Request], who: tuple[str, ...], which: Callable[[Request], bool]) -> list[tuple[Request, str]]:
    return [(request, name) for request in asked if which(request) for name in who]


@pytest.mark.variant("S20", "S21")
async def test_a_dropped_scope_is_found(estate: Estate, asked: list[Request], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds a role anywhere holds it in this county, and no second wall stands behind the first."""
    await without_second_wall(estate.connection)
    monkeypatch.setattr(Principal, "covers", lambda self, _path, *roles: self.has(*roles))
    monkeypatch.setattr(Principal, "area_paths", lambda self, *roles: (estate.county.root.path,) if self.has(*roles) else ())
    walk = await Walk(estate).over(some(estate, asked, ("admin@far", "reviewer@sibling"), lambda one: one.method == "GET"))
    assert any("GET /reports/{report_id} by admin@far" in one for one in walk.wrong), walk.wrong[:20]
    assert {"report (plain)", "complaint (plain)", "application (plain)"} <= {one.partition("admin@far ")[2] for one in walk.leaks}


@pytest.mark.variant("S20")
async def test_a_skipped_policy_is_found(estate: Estate, asked: list[Request], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Policy, "check", lambda *_, **__: None)
    walk = await Walk(estate).over(some(estate, asked, ("platform",), lambda one: one.method == "POST" and one.name.count("/") < 3))
    assert any(one.startswith("POST /reports by platform") for one in walk.wrong), walk.wrong[:20]


@pytest.mark.variant("S20")
async def test_a_no_that_tells_that_there_is_something_is_found(
    estate: Estate, asked: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotFound, "status", 403)
    walk = await Walk(estate).over(some(estate, asked, ("rider@other",), lambda one: "{report_id}" in one.name))
    assert len(walk.wrong) > 20, walk.wrong


@pytest.mark.variant("S22")
async def test_a_write_before_the_no_is_found(estate: Estate, asked: list[Request], monkeypatch: pytest.MonkeyPatch) -> None:
    refuse = Work.refuse

    async def kept(work: Work, refusal: Any) -> Any:
        answer = await refuse(work, refusal)
        if work.request.url.path.endswith("/accept"):
            async with as_owner(estate.connection):
                await estate.connection.execute(sa.text("update report set version = version + 1"))
        return answer

    monkeypatch.setattr(Work, "refuse", kept)
    walk = await Walk(estate).over(some(estate, asked, ("rider@other",), lambda one: "{report_id}" in one.name))
    assert [one.partition(" changed ")[0] for one in walk.traces] == ["POST /reports/{report_id}/accept by rider@other"]


@pytest.mark.variant("S23")
async def test_a_door_left_open_is_found(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos are taken whoever sent them, and no second wall stands behind the first."""
    await without_second_wall(estate.connection)
    asked = attaching.PUT.statement
    assert isinstance(asked, sa.TextClause) and asked.text.count("member_id = :member_id") == 1
    whoever = sa.text(asked.text.replace("member_id = :member_id", "(member_id = :member_id or true)"))
    monkeypatch.setattr(attaching, "PUT", Prepared(whoever.bindparams(*asked._bindparams.values())))
    wrong = await opened(estate, await doors(estate))
    assert any(one.startswith("a report with another's photo: 201") for one in wrong), wrong


@dataclass
class Lax:
    """A service that does not mind fields which it does not know, as its callers see it."""

    client: httpx.AsyncClient
    known: set[str]

    async def request(self, method: str, path: str, *, json: dict[str, Any], **more: Any) -> httpx.Response:
        return await self.client.request(method, path, json={name: json[name] for name in json if name in self.known}, **more)


@pytest.mark.variant("S24")
async def test_an_unminded_field_is_found(estate: Estate, asked: list[Request], document: dict[str, Any]) -> None:
    renamed = [request for request in asked if request.name == "PATCH /members/me"]
    lax = replace(estate, client=cast(httpx.AsyncClient, Lax(estate.client, {"nickname", "occupation"})))
    _, wrong = await accepted(lax, document, renamed, ["role", "points_balance"])
    assert any(one.startswith("PATCH /members/me by") and json.dumps("role").strip('"') in one for one in wrong), wrong


@pytest.mark.variant("S25")
async def test_a_remembered_right_is_found(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who somebody is, is read once."""
    known: dict[Any, Any] = {}
    real = auth_queries.load_caller

    async def remembered(session: Any, claims: Any, *, key: str | None) -> Any:
        if claims.session_id not in known:
            known[claims.session_id] = await real(session, claims, key=None)
        return known[claims.session_id]

    monkeypatch.setattr(auth_queries, "load_caller", remembered)
    wrong = await outlived(estate, endings(estate))
    assert len(wrong) >= 5, wrong


@pytest.mark.variant("S26")
async def test_a_ladder_is_found(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_workflow, "may_grant", lambda *_, **__: True)
    await prepare(estate)
    wrong = await climbed(estate, climbs(estate))
    assert any("an equal" in one for one in wrong), wrong
