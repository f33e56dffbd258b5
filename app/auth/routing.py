"""Every request's way in and out: who is it (401) → kind of body (415) → key (400) → the feature's endpoint → commit → answer.

A feature makes its router with `router("/reports", tag="reports")` and takes `SignedIn`, `Session` or `ReadSession` as parameters.
"""

import functools
import hashlib
import inspect
import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, params
from fastapi.routing import APIRoute
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.auth import queries
from app.auth.answering import Answering
from app.auth.policy import Policy, policy_of
from app.auth.principal import Principal
from app.auth.work import Claim, Work, replay
from app.db import acting
from app.db.session import AsyncSession
from app.errors import AppError, BadRequest, IdempotencyKeyMissing, Unauthenticated, ValidationFailed
from app.middleware.content import check_content_type
from app.security import tokens
from app.settings import Settings
from app.storage.store import ObjectStore
from app.wechat.client import WeChatClient

PREFIX = "/api/v1"
KEY_HEADER = "idempotency-key"
VERSION = re.compile(r'"(\d{1,9})"')
VISIBLE = re.compile(r"[\x21-\x7e]{8,128}")
Handler = Callable[[Request], Awaitable[Response]]
_WORK: ContextVar[Work] = ContextVar("work")  # of the request that this task answers


@dataclass(frozen=True, slots=True)
class Given:
    """Marks a parameter of an endpoint that the pipeline fills in, from the work of the request. FastAPI does not see it: it would solve
    each as a dependency anew for every request."""

    take: Callable[[Work], Any]
    awaited: bool = False


async def _if_match(if_match: Annotated[str | None, Header(max_length=32)] = None) -> int | None:
    if if_match is None:
        return None
    found = VERSION.fullmatch(if_match.strip())
    if found is None:
        raise ValidationFailed.of("header", "if-match", msg='应为带引号的版本号，例如 "3"', kind="if_match")
    return int(found[1])


# The unit of work of this request. It commits after the endpoint has returned and before the answer is sent.
Session = Annotated[AsyncSession, Given(lambda work: work.session)]
# AUTOCOMMIT, for endpoints that only read.
ReadSession = Annotated[AsyncSession, Given(lambda work: work.reader)]
# As ReadSession, for sums and counts that decide nothing: what the caller wrote two seconds ago may be missing.
FiguresSession = Annotated[AsyncSession, Given(Work.turn_to_standby, awaited=True)]
# The unit of work of a GET that leaves an audit event.
AuditedSession = Annotated[AsyncSession, Given(Work.turn_to_session, awaited=True)]
# The caller; on a public route there is none.
SignedIn = Annotated[Principal, Given(lambda work: work.caller)]
# The version that the caller saw, or None: a service compares it by `errors.expect_version`.
IfMatch = Annotated[int | None, Depends(_if_match)]
AppSettings = Annotated[Settings, Given(lambda work: work.request.app.state.settings)]
# Calls to either come before the first statement of `session`: they may take seconds, and a transaction must not wait for them.
WeChat = Annotated[WeChatClient, Given(lambda work: work.request.app.state.wechat)]
Store = Annotated[ObjectStore, Given(lambda work: work.request.app.state.store)]


class Route(APIRoute):
    """An endpoint inside the pipeline."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.policy = policy_of(endpoint)
        method = next(iter(options.get("methods") or ["GET"]))
        super().__init__(path, _gated(endpoint, self.policy, method), **options)
        self.app = functools.partial(_serve, self.get_route_handler())
        self.asks_wechat = any(_given(one.annotation) is _given(WeChat) for one in inspect.signature(endpoint).parameters.values())

    def get_route_handler(self) -> Any:
        return functools.partial(_handle, Answering.of(self) or super().get_route_handler(), self.policy, self._expected_body())

    def _expected_body(self) -> str | None:
        if self.body_field is None:
            return None
        return "multipart" if isinstance(self.body_field.field_info, params.Form) else "json"


def router(prefix: str, *, tag: str, base: str = PREFIX) -> APIRouter:
    """A feature's router, under the base path of the contract; pages that people open have none."""
    return APIRouter(prefix=base + prefix, tags=[tag], route_class=Route)


def _gated(endpoint: Callable[..., Any], policy: Policy, method: str) -> Callable[..., Any]:
    """Asks the policy after the shape is known to be right (422) and before the endpoint's own work."""
    own = inspect.signature(endpoint)
    given = {name: mark for name, one in own.parameters.items() if (mark := _given(one.annotation)) is not None}

    @functools.wraps(endpoint)
    async def checked(**asked: Any) -> Any:
        work = _WORK.get()
        if not policy.public:
            policy.check(work.caller, method=method)
        for name, mark in given.items():
            value = mark.take(work)
            asked[name] = await value if mark.awaited else value
        return await endpoint(**asked)

    checked.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=[one for name, one in own.parameters.items() if name not in given]
    )
    return checked


def _given(annotation: Any) -> Given | None:
    return next((mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Given)), None)


async def _serve(handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    """In place of FastAPI's own way, whose two stacks of things to close and whose second look at exceptions nothing here makes use of."""
    scope["fastapi_inner_astack"] = scope["fastapi_function_astack"] = scope["fastapi_middleware_astack"]
    response = await handler(Request(scope, receive, send))
    await response(scope, receive, send)


async def _handle(endpoint: Handler, policy: Policy, expects: str | None, request: Request) -> Response:
    work = Work(request, request.app.state.database, acting.SERVICE if policy.service else acting.NOBODY)
    _WORK.set(work)
    try:
        try:
            replayed = await _admit(request, work, policy, expects)
            response = replayed or await endpoint(request)
        except AppError as refusal:
            return await work.refuse(refusal)
        return replayed or await work.finish(response)
    finally:
        await request.close()  # a form that was read for its fingerprint holds spooled files
        await work.close()


async def _admit(request: Request, work: Work, policy: Policy, expects: str | None) -> Response | None:
    """Everything that comes before the shape: returns the remembered answer when the key already has one.

    A GET keeps the reader's connection for the endpoint; anything else gives it back before the body is read.
    """
    keyed = request.method == "POST" and policy.key != "ignored" and not policy.public
    key = request.headers.get(KEY_HEADER) if keyed else None
    answer = None
    if not policy.public:
        settings: Settings = request.app.state.settings
        claims = tokens.read(work.database.info["keys"].secret, _bearer(request), issuer=f"xinxin-{settings.env}")
        caller = await queries.load_caller(work.reader_of_caller, claims, key=key if key and VISIBLE.fullmatch(key) else None)
        work.principal, work.acting, answer = caller.principal, caller.acting, caller.answer
    if request.method == "GET":
        return None
    await work.release_reader()
    if expects == "multipart":
        check_content_type(request, expects=expects)
    body = b"" if expects == "multipart" else await request.body()
    if expects == "json" and body:
        check_content_type(request, expects=expects)
    if keyed:
        _check_key(request, key, policy)
    if key is None:
        return None
    work.claim = Claim(key, await _fingerprint(request, body, multipart=expects == "multipart"))
    return replay(answer, work.claim.fingerprint, work.request_id) if answer else None


def _bearer(request: Request) -> str:
    values = request.headers.getlist("authorization")
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    if scheme != "Bearer" or not token:
        raise Unauthenticated
    return token


def _check_key(request: Request, key: str | None, policy: Policy) -> None:
    """Raises IdempotencyKeyMissing, or BadRequest for a key that is given twice or is not 8 to 128 visible characters."""
    if len(request.headers.getlist(KEY_HEADER)) > 1:
        raise BadRequest("Idempotency-Key 只能提供一个")
    if key is None and policy.key == "required":
        raise IdempotencyKeyMissing
    if key is not None and not VISIBLE.fullmatch(key):
        raise BadRequest("Idempotency-Key 应为 8 至 128 个可见字符")


async def _fingerprint(request: Request, body: bytes, *, multipart: bool) -> bytes:
    """SHA-256 of method, path with query, and body. Of a multipart body the fields and each file's SHA-256 count, not its bytes."""
    target = request.scope["path"] + "?" + request.scope.get("query_string", b"").decode("latin-1")
    digest = hashlib.sha256(f"{request.method} {target}\n".encode())
    if not multipart:
        digest.update(body)
        return digest.digest()
    form = await request.form(max_files=4, max_fields=20)
    for name, value in sorted(form.multi_items(), key=lambda item: item[0]):
        if isinstance(value, UploadFile):
            content = await value.read()
            await value.seek(0)
            value_text = f"file:{hashlib.sha256(content).hexdigest()}"
        else:
            value_text = value
        digest.update(f"{name}={value_text}\n".encode())
    return digest.digest()
