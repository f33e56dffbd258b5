"""The contract as a document: `openapi.json`, the list of error codes, and a `/docs` page that needs no other host."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import FileResponse, Response

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
    answer = {"description": "问题文档", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = answer
    return document


def error_codes() -> list[dict[str, Any]]:
    """Every code that an answer may carry, by status: for clients that translate or branch on them."""
    found = {error.code: error for error in catalogue()}
    return [
        {"code": code, "status": error.status, "title": error.title, "detail": error.detail, "facts": list(error.fact_names)}
        for code, error in sorted(found.items(), key=lambda item: (item[1].status, item[0]))
    ]
