"""The contract as a document: `openapi.json`, the list of error codes, and a `/docs` page that needs no other host."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app.auth.routing import KEY_HEADER, VISIBLE, Route
from app.errors import MEDIA_TYPE, NotFound, catalogue

VERSION = "1.0.0"
SUMMARY = "县域新就业群体小程序后端：双找、随手拍、积分、兑换核销"
ASSETS = Path(__file__).parent / "assets" / "swagger-ui"
ASSET_TYPES = {"swagger-ui-bundle.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8"}
PROBLEM = {
    "type": "object", "title": "Problem", "description": "RFC 9457；各错误码另有的字段见 openapi/errors.json",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "code": {"type": "string"},
        "detail": {"type": "string", "description": "给人看的中文"}, "request_id": {"type": "string"},
    },
}

BEARER = {"type": "http", "scheme": "bearer", "description": "访问令牌，15 分钟有效"}
# What an operation can answer besides what its parameters, its body and its policy tell: the status, and the operations.
FURTHER = {
    401: re.compile(r"POST /api/v1/auth/(wechat|password|refresh)|GET /metrics"),
    403: re.compile(r"POST /api/v1/auth/(wechat|password|refresh)"),
    404: re.compile(r"GET /(metrics|api/v1/registrations/contact-card|api/v1/members/me/identity-code)"),
    409: re.compile(r"GET .*/(ticket|proof|certificate)"),
    410: re.compile(
        r"GET (/s/|/api/v1/qrcodes/\{scene}).*|POST /api/v1/redemptions.+|GET .*/ticket|POST /api/v1/registrations"
        r"|POST /api/v1/stores/(invitations/accept|\{store_id}/visits)"
    ),
    413: re.compile(r"POST /wechat/push"),
    422: re.compile(r"GET /wechat/push"),
    429: re.compile(
        r"POST /api/v1/auth/.*|POST .*/(reveal|roster)|POST /api/v1/redemptions/(verify|preview)|GET (/p|/api/v1/reports/proofs)/.*"
        r"|POST /api/v1/stores/(invitations/accept|\{store_id}/(visits|slips/check))|POST .*/invitations"
    ),
}
PAGES = {"/s/{scene}": (404, 410, 422), "/p/{proof_code}": (404, 422, 429)}  # a browser is told by a page, any other client as usual
PROBLEMS = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
PAGE = {"description": "说明原因的页面，或问题文档", "content": {"text/html": {}} | PROBLEMS}


def install(app: FastAPI) -> None:
    """Serves the document and the page; both are made once per process."""

    @cache
    def document() -> bytes:
        return json.dumps(openapi(app), ensure_ascii=False).encode()

    async def serve_document(request: Request) -> Response:
        return Response(document(), media_type="application/json")

    async def serve_page(request: Request) -> Response:
        return get_swagger_ui_html(
            openapi_url="/openapi.json", title="新新 API", swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css", swagger_favicon_url="data:,",
        )

    async def serve_asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ASSET_TYPES:
            raise NotFound
        return FileResponse(ASSETS / name, media_type=ASSET_TYPES[name])

    app.add_route("/openapi.json", serve_document, methods=["GET"], include_in_schema=False)
    app.add_route("/docs", serve_page, methods=["GET"], include_in_schema=False)
    app.add_route("/docs/assets/{name}", serve_asset, methods=["GET"], include_in_schema=False)


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: what FastAPI derives, with our problem documents in place of its own validation answers."""
    document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM
    document["components"]["responses"] = _refusals()
    document["components"]["securitySchemes"] = {"bearer": BEARER}
    routes = dict(_routes(app))
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, path, method, routes.get((path, method)))
    return document


def _refusals() -> dict[str, Any]:
    """A problem document for each status, with the codes that it may carry."""
    codes: dict[int, set[str]] = {}
    for error in catalogue():
        codes.setdefault(error.status, set()).add(error.code)
    return {str(status): {"description": f"问题文档：{'、'.join(sorted(codes[status]))}", "content": PROBLEMS} for status in sorted(codes)}


def _routes(app: FastAPI) -> Iterator[tuple[tuple[str, str], Route]]:
    """By path and method, all that goes through our pipeline."""
    for context in iter_route_contexts(app.routes):
        found = (getattr(context, "original_route", None), getattr(context, "route", None), context)
        route = next((one for one in found if isinstance(one, Route)), None)
        if route is not None:
            yield from (((str(context.path), method.lower()), route) for method in route.methods or ())


def _complete(operation: dict[str, Any], path: str, method: str, route: Route | None) -> None:
    """Adds who may call it, its Idempotency-Key, and every status that it may answer with."""
    operation["responses"].pop("422", None)
    if route is not None and not route.policy.public:
        operation["security"] = [{"bearer": []}]
        if method == "post" and route.policy.key != "ignored":
            operation.setdefault("parameters", []).append(_key(required=route.policy.key == "required"))
    for status in PAGES.get(path, ()):
        operation["responses"][str(status)] = PAGE
    for status in sorted(_heard(operation, path, method, route) - {int(told) for told in operation["responses"]}):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}


def _heard(operation: dict[str, Any], path: str, method: str, route: Route | None) -> set[int]:
    """Refusals. Of all: a request that is none (400, 431), and a database that is busy or away (503)."""
    heard = {400, 431, 503} | {status for status, named in FURTHER.items() if named.fullmatch(f"{method.upper()} {path}")}
    if route is None:
        return heard
    parameters = {one["name"].lower() for one in operation.get("parameters", [])}
    conditions = {
        (401, 403): not route.policy.public, (404, 422): bool(parameters), (404, 409, 413, 422): method != "get",
        (412,): "if-match" in parameters, (415,): "requestBody" in operation, (502,): route.asks_wechat,
    }
    return heard.union(*(statuses for statuses, holds in conditions.items() if holds))


def _key(*, required: bool) -> dict[str, Any]:
    return {
        "name": KEY_HEADER, "in": "header", "required": required, "description": "同一次提交的重试带同一个值",
        "schema": {"type": "string", "minLength": 8, "maxLength": 128, "pattern": f"^{VISIBLE.pattern}$"},
    }


def error_codes() -> list[dict[str, Any]]:
    """Every code that an answer may carry, by status: for clients that translate or branch on them."""
    found = {error.code: error for error in catalogue()}
    return [
        {"code": code, "status": error.status, "title": error.title, "detail": error.detail, "facts": list(error.fact_names)}
        for code, error in sorted(found.items(), key=lambda item: (item[1].status, item[0]))
    ]
