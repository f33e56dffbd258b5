"""Every route has a policy, a Chinese summary, examples; the committed documents are what the code says; codes are the contract's."""

import json
import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.auth.routing import Route
from app.cli import openapi_files
from app.errors import catalogue

ROOT = Path(__file__).resolve().parents[2]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Routes outside the pipeline: nobody is signed in there, and each guards itself.
UNGATED = {
    "/health/live", "/health/ready", "/metrics", "/wechat/push", "/docs", "/docs/assets/{name}", "/openapi.json",
}
PUBLIC = {
    ("POST", "/api/v1/auth/wechat"), ("POST", "/api/v1/auth/password"), ("POST", "/api/v1/auth/refresh"),
    ("GET", "/api/v1/members/consent-texts"), ("GET", "/api/v1/areas"), ("GET", "/api/v1/areas/{area_id}"),
    ("GET", "/api/v1/areas/locate"), ("GET", "/api/v1/qrcodes/{scene}"), ("GET", "/api/v1/qrcodes/{scene}/image"),
    ("GET", "/api/v1/policies"), ("GET", "/api/v1/policies/{policy_code}"),
    ("GET", "/s/{scene}"), ("HEAD", "/s/{scene}"), ("GET", "/p/{proof_code}"), ("HEAD", "/p/{proof_code}"),
    ("GET", "/api/v1/reports/proofs/{proof_code}"), ("GET", "/api/v1/reports/proofs/{proof_code}/image"),
    ("GET", "/api/v1/uploads/{upload_id}/view"),
    ("GET", "/api/v1/uploads/{upload_id}/medium"),
    ("GET", "/api/v1/uploads/{upload_id}/thumb"),
}
CODES = {
    400: {"idempotency_key_missing", "bad_request"},
    401: {"unauthenticated", "token_expired", "refresh_token_reused", "bad_credentials", "wechat_code_invalid", "otp_required"},
    403: {"forbidden", "consent_required", "phone_required", "account_suspended", "wechat_account_blocked", "step_up_required"},
    404: {"not_found", "code_not_found"},
    405: {"method_not_allowed"},
    409: {
        "invalid_transition", "already_verified", "insufficient_points", "out_of_stock", "limit_reached", "redemption_cancelled",
        "already_undone", "undo_too_late", "already_exists", "reward_not_available", "upload_already_used", "confirmation_required",
        "conflict", "request_in_progress",
    },
    410: {"redemption_expired", "ticket_expired", "qrcode_inactive"},
    412: {"version_mismatch"}, 413: {"payload_too_large"}, 415: {"unsupported_media_type"}, 431: {"header_too_large"},
    422: {"validation_error", "idempotency_key_reused", "code_malformed"}, 429: {"rate_limited", "too_many_attempts"},
    500: {"internal"}, 502: {"wechat_unavailable"}, 503: {"busy", "storage_full"},
}


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method.upper(), path, op) for path, item in document["paths"].items() for method, op in item.items()]


def test_every_route_goes_through_the_pipeline(application: FastAPI) -> None:
    """A route class of ours asks who is calling; what is outside it is listed here."""
    outside = set()
    for context in iter_route_contexts(application.routes):
        route = getattr(context, "route", context)
        original = getattr(context, "original_route", route)
        if not isinstance(original, Route) and not isinstance(route, Route):
            outside.add(context.path)
    assert outside == UNGATED, outside ^ UNGATED


def test_public_routes_are_few_and_known(application: FastAPI) -> None:
    public = set()
    for context in iter_route_contexts(application.routes):
        route = next((found for found in (getattr(context, "original_route", None), getattr(context, "route", None), context)
                      if isinstance(found, Route)), None)
        if route is not None and route.policy.public:
            public |= {(method, context.path) for method in route.methods}
    assert public == PUBLIC, public ^ PUBLIC


def test_every_operation_has_a_chinese_summary(document: dict[str, Any]) -> None:
    bad = [f"{method} {path}" for method, path, op in operations(document) if not CHINESE.search(op.get("summary", ""))]
    assert not bad, bad


def test_every_operation_has_examples(document: dict[str, Any]) -> None:
    """A JSON body and a JSON answer each show one, in the operation or in the schema they name."""
    schemas = document["components"]["schemas"]
    bad = []
    for method, path, op in operations(document):
        contents = [op.get("requestBody", {}).get("content", {})]
        contents += [answer.get("content", {}) for status, answer in op["responses"].items() if status.startswith("2")]
        for content in contents:
            media = content.get("application/json")
            if media is not None and not _has_example(media, schemas):
                bad.append(f"{method} {path}")
    assert not bad, sorted(set(bad))


def _has_example(media: dict[str, Any], schemas: dict[str, Any]) -> bool:
    schema = media.get("schema", {})
    if media.get("example") or media.get("examples") or schema.get("examples"):
        return True
    names = re.findall(r"#/components/schemas/([\w.-]+)", json.dumps(schema))
    inner = [found for name in names for found in re.findall(r"#/components/schemas/([\w.-]+)", json.dumps(schemas[name]))]
    return any(schemas[name].get("examples") for name in names + inner)


def test_committed_documents_are_current() -> None:
    for name, content in openapi_files().items():
        assert (ROOT / "openapi" / name).read_text() == content, f"openapi/{name}: run scripts/manage openapi"


def test_error_codes_are_the_contracts() -> None:
    made: dict[int, set[str]] = {}
    for error in catalogue():
        made.setdefault(error.status, set()).add(error.code)
        assert CHINESE.search(error.detail), error.code
    assert made == CODES, {status: made.get(status, set()) ^ CODES.get(status, set()) for status in made.keys() | CODES.keys()}


async def test_docs_need_no_other_host(client) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    assert not re.search(r"(src|href)=\"(https?:)?//", page.text), page.text
    for path in re.findall(r"(?:src|href)=\"(/[^\"]+)\"", page.text):
        assert (await client.get(path)).status_code == 200, path
    assert (await client.get("/openapi.json")).json()["openapi"].startswith("3.")
