"""Every request's way in and out: who is it (401) → kind of body (415) → key (400) → the feature's endpoint → commit → answer.

A feature makes its router with `router("/reports", tag="reports")` and takes `SignedIn`, `Session` or `ReadSession` as parameters.
"""

import functools
import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, params
from fastapi.routing import APIRoute
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from app.auth import queries
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


async def _session(request: Request) -> AsyncSession:
    work: Work = request.state.work
    return work.session


async def _reader(request: Request) -> AsyncSession:
    work: Work = request.state.work
    return work.reader


async def _figures(request: Request) -> AsyncSession:
    work: Work = request.state.work
    return await work.turn_to_standby()


async def _audited(request: Request) -> AsyncSession:
    work: Work = request.state.work
    await work.release_reader()  # a request that held two connections could wait for itself in a full pool
    return work.session


async def _principal(request: Request) -> Principal:
    principal: Principal | None = request.state.work.principal
    if principal is None:
        raise Unauthenticated
    return principal


async def _if_match(if_match: Annotated[str | None, Header(max_length=32)] = None) -> int | None:
    if if_match is None:
        return None
    found = VERSION.fullmatch(if_match.strip())
    if found is None:
        raise ValidationFailed.of("header", "if-match", msg='应为带引号的版本号，例如 "3"', kind="if_match")
    return int(found[1])


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _wechat(request: Request) -> WeChatClient:
    client: WeChatClient = request.app.state.wechat
    return client


async def _store(request: Request) -> ObjectStore:
    store: ObjectStore = request.app.state.store
    return store


# The unit of work of this request. It commits after the endpoint has returned and before the answer is sent.
Session = Annotated[AsyncSession, Depends(_session)]
# AUTOCOMMIT, for endpoints that only read.
ReadSession = Annotated[AsyncSession, Depends(_reader)]
# As ReadSession, for sums and counts that decide nothing: what the caller wrote two seconds ago may be missing.
FiguresSession = Annotated[AsyncSession, Depends(_figures)]
# The unit of work of a GET that leaves an audit event.
AuditedSession = Annotated[AsyncSession, Depends(_audited)]
# The caller; on a public route there is none.
SignedIn = Annotated[Principal, Depends(_principal)]
# The version that the caller saw, or None: a service compares it by `errors.expect_version`.
IfMatch = Annotated[int | None, Depends(_if_match)]
AppSettings = Annotated[Settings, Depends(_settings)]
# Calls to either come before the first statement of `session`: they may take seconds, and a transaction must not wait for them.
WeChat = Annotated[WeChatClient, Depends(_wechat)]
Store = Annotated[ObjectStore, Depends(_store)]


class Route(APIRoute):
    """An endpoint inside the pipeline. The endpoint must call its caller `principal`, unless its policy says public."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.policy = policy_of(endpoint)
        method = next(iter(options.get("methods") or ["GET"]))
        super().__init__(path, endpoint if self.policy.public else _gated(endpoint, self.policy, method), **options)
        self.asks_wechat = any(asked.call is _wechat for asked in self.dependant.dependencies)

    def get_route_handler(self) -> Any:
        return functools.partial(_handle, super().get_route_handler(), self.policy, self._expected_body())

    def _expected_body(self) -> str | None:
        if self.body_field is None:
            return None
        return "multipart" if isinstance(self.body_field.field_info, params.Form) else "json"


def router(prefix: str, *, tag: str, base: str = PREFIX) -> APIRouter:
    """A feature's router, under the base path of the contract; pages that people open have none."""
    return APIRouter(prefix=base + prefix, tags=[tag], route_class=Route)


def _gated(endpoint: Callable[..., Any], policy: Policy, method: str) -> Callable[..., Any]:
    """Asks the policy after the shape is known to be right (422) and before the endpoint's own work."""

    @functools.wraps(endpoint)
    async def checked(*args: Any, **kwargs: Any) -> Any:
        policy.check(kwargs["principal"], method=method)
        return await endpoint(*args, **kwargs)

    return checked


async def _handle(endpoint: Handler, policy: Policy, expects: str | None, request: Request) -> Response:
    stranger = acting.SERVICE if policy.service else acting.NOBODY
    work = request.state.work = Work(request, request.app.state.database, stranger)
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
        claims = tokens.read(work.reader.info["keys"].secret, _bearer(request), issuer=f"xinxin-{settings.env}")
        caller = await queries.load_caller(work.reader_of_caller, claims, key=key if key and VISIBLE.fullmatch(key) else None)
        work.principal, answer = caller.principal, caller.answer
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
