"""Problem documents (RFC 9457): how every refusal, foreseen or not, becomes an answer. A stack, SQL or a path never leaves the process."""

import json
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.db.failures import refusal_of
from app.errors import (
    MEDIA_TYPE,
    AppError,
    BadRequest,
    Internal,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.figures import REFUSALS, route_of
from app.observability import get_logger

log = get_logger(__name__)

MAX_ERRORS = 20
BY_STATUS: dict[int, type[AppError]] = {404: NotFound, 405: MethodNotAllowed, 413: PayloadTooLarge, 415: UnsupportedMediaType}
SENTENCES = {
    "missing": "必填", "extra_forbidden": "不认识的字段", "json_invalid": "不是有效的 JSON",
    "string_too_long": "过长", "string_too_short": "过短", "string_type": "应为文字", "int_type": "应为整数", "int_parsing": "应为整数",
    "uuid_parsing": "不是有效的编号",
    "enum": "不在可选范围内", "literal_error": "不在可选范围内", "greater_than_equal": "过小", "less_than_equal": "过大",
    "too_long": "项目过多", "too_short": "项目过少", "string_pattern_mismatch": "格式不对", "finite_number": "应为有限数",
}


def problem_response(error: AppError, request_id: str) -> Response:
    REFUSALS.labels(error.code).inc()
    body = json.dumps(error.problem(request_id), ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, error.status, error.headers, media_type=MEDIA_TYPE)


def request_id_of(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


def install(app: FastAPI) -> None:
    """Registers the handlers of everything that an endpoint may raise."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(OSError, _database)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unforeseen)


async def _app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    return problem_response(error, request_id_of(request))


async def _invalid(request: Request, error: Exception) -> Response:
    """The place and the kind of each mistake, never the input itself: it may be a phone number."""
    assert isinstance(error, RequestValidationError)
    listed = [_mistake(found) for found in error.errors()[:MAX_ERRORS]]
    return problem_response(ValidationFailed(errors=listed), request_id_of(request))


def _mistake(found: dict[str, Any]) -> dict[str, Any]:
    kind = str(found["type"])
    own = str(found.get("ctx", {}).get("error", "")) if kind == "value_error" else ""
    loc = [part if isinstance(part, int) else str(part)[:64].encode(errors="replace").decode() for part in found["loc"]]
    return {"loc": loc, "msg": own or SENTENCES.get(kind, "填写有误"), "type": kind}


async def _http(request: Request, error: Exception) -> Response:
    """Refusals of the framework: unknown path, wrong method, a body that cannot be parsed (whose cause may be a refusal of ours)."""
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, AppError):
        return problem_response(error.__cause__, request_id_of(request))
    refusal = BY_STATUS.get(error.status_code, BadRequest)()
    response = problem_response(refusal, request_id_of(request))
    if error.status_code == MethodNotAllowed.status:
        response.headers["Allow"] = _methods(request.app).get(route_of(request.scope), "")
    return response


@cache
def _methods(app: FastAPI) -> dict[str, str]:
    """By path, all that can be done there: the framework itself would name what the first of its routes can do."""
    found: dict[str, set[str]] = {}
    for context in iter_route_contexts(app.routes):
        found.setdefault(str(context.path), set()).update(getattr(context, "methods", None) or ())
    return {path: ", ".join(sorted(methods)) for path, methods in found.items()}


async def _gone(request: Request, error: Exception) -> Response:
    """The client left, or was cut, before its body was there: nobody hears this answer, and it is no defect of ours."""
    return problem_response(BadRequest(), request_id_of(request))


async def _database(request: Request, error: Exception) -> Response:
    assert isinstance(error, SQLAlchemyError | OSError)
    refusal = refusal_of(error)
    if refusal is None:
        return await _unforeseen(request, error)
    log.warning("database.refused", code=refusal.code, error=type(error).__name__)
    return problem_response(refusal, request_id_of(request))


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("request.failed", route=route_of(request.scope), method=request.method, exc_info=error)
    return problem_response(Internal(), request_id_of(request))
