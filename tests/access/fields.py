"""Fields that no caller may send: every column of every table on every write, in pieces that a problem document can name. S24."""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from tests.access.estate import Estate
from tests.access.requests import PHOTO, Request
from tests.access.table import TABLE
from tests.support.traces import changed, fingerprint

# What decides over rights, money and history, whatever the table: tried at every push.
PROTECTED = (
    "id", "role", "roles", "area_path", "points_balance", "available", "created_by", "created_at", "version", "granted_by", "is_admin",
    "debt", "account_kind", "settled_at", "decided_by", "verified_at", "erased_at", "tenant_id", "code_sealed", "phone_index",
)
PIECE = 16  # an answer names at most 20


async def columns(estate: Estate) -> list[str]:
    found = await estate.connection.execute(
        sa.text("select distinct column_name::text from information_schema.columns where table_schema in ('public', 'jobs') order by 1")
    )
    return sorted({*found.scalars(), *PROTECTED})


def taken(document: dict[str, Any], request: Request) -> set[str] | None:
    """The fields of a JSON body; None where there is none."""
    operation = document["paths"][request.call.template][request.method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None or request.name == "POST /wechat/push":
        return None
    found: set[str] = set()
    for schema in _parts(document, content["schema"]):
        found |= set(schema.get("properties", {}))
    return found


def _parts(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    yield schema
    for inner in schema.get("anyOf", []) + schema.get("oneOf", []):
        yield from _parts(document, inner)


async def accepted(estate: Estate, document: dict[str, Any], requests: Sequence[Request], names: Sequence[str]) -> tuple[int, list[str]]:
    """How often something was tried, and each field that was not refused by name, with what it has changed."""
    tried, wrong, before = 0, [], await fingerprint(estate.connection)
    for request in requests:
        known = taken(document, request)
        who = next(iter(sorted(TABLE[request.name].may - {"nobody", "expired"})), "maker")
        if known is None or request.call.file:
            continue
        foreign = [name for name in names if name not in known]
        for start in range(0, len(foreign), PIECE):
            piece = foreign[start : start + PIECE]
            tried += len(piece)
            told = await _blamed(estate, request, who, piece)
            if told:
                wrong.append(f"{request.name} by {who}: {told}")
    after = await fingerprint(estate.connection)
    return tried, wrong + [f"something has changed {table}" for table in changed(before, after)]


async def _blamed(estate: Estate, request: Request, who: str, piece: Sequence[str]) -> str | None:
    body = json.loads(json.dumps(request.call.body or {}).replace(PHOTO, estate.photos[who])) | dict.fromkeys(piece, "1")
    headers = estate.headers(who) | {"Idempotency-Key": uuid4().hex}
    answer = await estate.client.request(request.method, request.call.path, json=body, headers=headers, params=request.call.query)
    if answer.status_code != 422:
        return f"{answer.status_code} {answer.text[:160]} with {list(piece)}"
    blamed = {str(one["loc"][-1]) for one in answer.json().get("errors", [])}
    return f"not blamed: {sorted(set(piece) - blamed)}" if not set(piece) <= blamed else None
