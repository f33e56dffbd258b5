"""What a production process does not show, and whose word on the client's address it takes."""

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.main import create_app
from app.settings import Settings

PROXY, STRANGER = ("10.1.2.3", 4711), ("203.0.113.9", 4711)


@pytest.fixture(scope="module")
def production(settings: Settings) -> FastAPI:
    """Behind a proxy of its own."""
    told = {"env": "production", "metrics_token": None, "trusted_proxies": "127.0.0.1, 10.0.0.0/8"}
    return create_app(settings.model_copy(update=told))


async def statuses(made: FastAPI, *paths: str) -> list[int]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://x") as http:
        return [(await http.get(path)).status_code for path in paths]


async def client_of(made: FastAPI, came_from: tuple[str, int], headers: dict[str, str]) -> str:
    """Whom the application takes for the client: asked at the innermost layer's end, where nothing is routed."""
    seen = ""

    async def look(request: Request, error: Exception) -> Response:
        nonlocal seen
        seen = request.client.host if request.client else ""
        return Response(status_code=404)

    made.add_exception_handler(404, look)
    made.middleware_stack = None
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(made, client=came_from), base_url="http://x") as http:
            await http.get("/nowhere", headers=headers)
    finally:
        made.exception_handlers.pop(404)
        made.middleware_stack = None
    return seen


@pytest.mark.check("S19", tier="P", part=True)
async def test_documents_are_closed_in_production(production: FastAPI, application: FastAPI) -> None:
    documents = ("/docs", "/docs/assets/swagger-ui.css", "/openapi.json", "/metrics")
    assert await statuses(production, *documents) == [404] * 4
    assert await statuses(application, *documents[:2]) == [200, 200]


@pytest.mark.check("S36", tier="P", part=True)
async def test_only_a_proxy_of_ours_says_who_the_client_is(production: FastAPI) -> None:
    assert await client_of(production, PROXY, {"X-Forwarded-For": "203.0.113.7"}) == "203.0.113.7"
    assert await client_of(production, PROXY, {"X-Forwarded-For": "198.51.100.1, 203.0.113.7, 10.9.9.9"}) == "203.0.113.7"
    assert await client_of(production, PROXY, {"Forwarded": "for=203.0.113.7"}) == PROXY[0]
    assert await client_of(production, STRANGER, {"X-Forwarded-For": "203.0.113.7"}) == STRANGER[0]


@pytest.mark.variant("S36", tier="P")
async def test_a_proxy_that_was_not_named_is_itself_the_client(application: FastAPI) -> None:
    """Then all clients behind it share one address, and its limits."""
    assert await client_of(application, PROXY, {"X-Forwarded-For": "203.0.113.7"}) == PROXY[0]


@pytest.mark.parametrize("proxies", ["*", "0.0.0.0/0", "10.0.0.1, ::/0", "proxy.internal"])
def test_nobody_is_not_everybody(proxies: str) -> None:
    with pytest.raises(ValidationError, match="TRUSTED_PROXIES"):
        Settings(trusted_proxies=proxies)
