"""A cut through the access matrix that every push can afford: each operation refused to one who sees the thing or to one who must not.

The whole of it, with its known-bad variants, is walked by tests/trust/nightly/test_s20_matrix.py.
"""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.auth.routing import Route
from tests.access.ending import climbed, climbs, endings, outlived, prepare
from tests.access.estate import Estate
from tests.access.fields import PROTECTED, accepted
from tests.access.ground import asked, estate, ground
from tests.access.matrix import Walk, cut
from tests.access.requests import Request
from tests.access.side_doors import by_cursor, doors, of_another_kind, opened
from tests.access.table import TABLE

__all__ = ["asked", "estate", "ground"]
# Outside the OpenAPI document: the schema itself, its page and what the page loads; HEAD is answered as GET is.
UNDOCUMENTED = {
    ("GET", "/docs"), ("GET", "/docs/assets/{name}"), ("GET", "/openapi.json"), ("HEAD", "/s/{scene}"), ("HEAD", "/p/{proof_code}"),
}
GATED_BY_THEMSELVES = {"/health/live", "/health/ready", "/metrics", "/wechat/push", "/docs", "/docs/assets/{name}", "/openapi.json"}


def unruled(application: FastAPI) -> list[str]:
    """Every route, mounted ones too, that no line of the table or no policy speaks for."""
    wrong, routes = [], list(iter_route_contexts(application.routes))
    for context in routes:
        route = next((one for name in ("original_route", "route") if isinstance(one := getattr(context, name, None), Route)), None)
        if route is None and context.path not in GATED_BY_THEMSELVES:
            wrong.append(f"{context.path}: outside the pipeline")
        for method in (getattr(context, "methods", None) or {"GET"}) - {"OPTIONS"}:
            name = (method, (context.path or "").removeprefix("/api/v1"))
            if " ".join(name) not in TABLE and name not in UNDOCUMENTED and not (method == "HEAD" and route is None):
                wrong.append(f"{' '.join(name)}: no line in the table")
    assert len(routes) > 200, "the walk came nowhere"
    return wrong


@pytest.mark.check("S19", tier="P")
def test_every_route_has_a_policy_and_a_line(application: FastAPI, document: dict[str, Any], measured: Callable[..., None]) -> None:
    named = {f"{method.upper()} {path.removeprefix('/api/v1')}" for path, item in document["paths"].items() for method in item}
    assert named == TABLE.keys(), named ^ TABLE.keys()
    wrong = unruled(application)
    measured("routes without policy", len(wrong))
    assert not wrong, wrong


async def secret() -> dict[str, str]:
    return {}


@pytest.mark.variant("S19")
def test_a_route_that_nobody_ruled_is_found(application: FastAPI) -> None:
    other = FastAPI()
    other.router.routes.extend(application.router.routes)
    other.add_api_route("/api/v1/points/secret", secret, methods=["GET"])
    other.mount("/static", FastAPI())
    assert any("/points/secret" in one for one in unruled(other))


@pytest.mark.check("S20", "S21", "S22", tier="P")
async def test_a_cut_of_the_matrix(estate: Estate, asked: list[Request], measured: Callable[..., None]) -> None:
    walk = await Walk(estate).over(cut(estate, asked))
    measured("cells", walk.cells)
    measured("denied writes", walk.denied_writes)
    assert walk.cells > 280 and walk.denied_writes > 150
    assert not walk.wrong, "\n".join(walk.wrong[:60])
    assert not walk.leaks, "\n".join(walk.leaks[:60])
    assert not walk.traces, "\n".join(walk.traces[:60])


@pytest.mark.check("S23", tier="P")
async def test_ids_by_the_side_door(estate: Estate, asked: list[Request], measured: Callable[..., None]) -> None:
    tried = await doors(estate)
    wrong = await opened(estate, tried) + await of_another_kind(estate, asked, every=12) + await by_cursor(estate)
    measured("side doors", len(tried))
    assert not wrong, "\n".join(wrong)


@pytest.mark.check("S24", tier="P")
async def test_protected_fields_are_no_ones_to_send(
    estate: Estate, asked: list[Request], document: dict[str, Any], measured: Callable[..., None]
) -> None:
    tried, wrong = await accepted(estate, document, asked, PROTECTED)
    measured("fields tried", tried)
    assert tried > 2_000
    assert not wrong, "\n".join(wrong)


@pytest.mark.check("S25", tier="P")
async def test_rights_end_at_once(estate: Estate) -> None:
    wrong = await outlived(estate, endings(estate))
    assert not wrong, "\n".join(wrong)


@pytest.mark.check("S26", tier="P")
async def test_nobody_climbs_anywhere(estate: Estate, measured: Callable[..., None]) -> None:
    await prepare(estate)
    tried = climbs(estate)
    wrong = await climbed(estate, tried)
    measured("climbs", len(tried))
    assert not wrong, "\n".join(wrong)
