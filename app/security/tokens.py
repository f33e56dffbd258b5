"""Access tokens and refresh tokens.

The only place that imports python-jose, with the rules of reliability.md 4.5 (its traps are listed there). Refresh tokens are opaque
and know nothing of it: 256 bits, of which the database keeps the hash.
"""

import hashlib
import hmac
import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from jose import jwt

from app import clock
from app.db.base import known_id
from app.errors import TokenExpired, Unauthenticated
from app.security.keys import MasterKeys

ALGORITHM = "HS256"
AUDIENCE = "xinxin-api"
LIFETIME = timedelta(minutes=15)
LEEWAY_SECONDS = 30
REMEMBERED = 4_096
MAX_TOKEN_BYTES = 4096
FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
HEADER_FIELDS = {"alg", "kid", "typ"}
CLAIMS = {"verify_exp": False, "require_iat": True, "require_sub": True, "require_aud": True, "require_iss": True, "require_jti": True}
REFRESH_PURPOSE = "refresh-token"


@dataclass(frozen=True, slots=True)
class Claims:
    account_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True)
class _Good:
    """A token that has been found good under these keys: all but the time stays true of it."""

    keys: MasterKeys
    issuer: str
    claims: Claims
    ends: int


# A phone sends the same token for a quarter of an hour, and to check one takes longer than the statement that finds its caller.
_found_good: dict[str, _Good] = {}


def issuer(env: str) -> str:
    """Names the environment: a token of another one is refused even under the same key."""
    return f"xinxin-{env}"


def issue(keys: MasterKeys, *, issuer: str, account_id: UUID, session_id: UUID) -> str:
    """A signed token of 15 minutes that names the account and the session, nothing else about the person."""
    issued = clock.now()
    claims = {
        "iss": issuer, "aud": AUDIENCE, "sub": str(account_id), "sid": str(session_id), "jti": uuid4().hex,
        "iat": _seconds(issued), "exp": _seconds(issued + LIFETIME),
    }
    header = {"kid": keys.active, "typ": "at+jwt"}
    token: str = jwt.encode(claims, keys.current("access-token"), algorithm=ALGORITHM, headers=header)
    return token


def read(keys: MasterKeys, token: str, *, issuer: str) -> Claims:
    """Checks form, key id, algorithm, signature and every claim; the end by our clock, as python-jose knows the machine's alone.

    Raises:
        TokenExpired: everything else is right and the time is over.
        Unauthenticated: anything else, whatever the library threw.
    """
    known = _found_good.get(token)
    if known is None or known.keys is not keys or known.issuer != issuer:
        known = _Good(keys, issuer, *_decoded(keys, token, issuer))
        while len(_found_good) >= REMEMBERED:
            del _found_good[next(iter(_found_good))]
        _found_good[token] = known
    if known.ends < _seconds(clock.now()) - LEEWAY_SECONDS:
        raise TokenExpired
    return known.claims


def _decoded(keys: MasterKeys, token: str, issuer: str) -> tuple[Claims, int]:
    """The claims, and when they end. Raises Unauthenticated."""
    try:
        key = _key_for(keys, token)
        claims = jwt.decode(token, key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=issuer, options=CLAIMS)
        return Claims(known_id(claims["sub"]), known_id(claims["sid"])), int(claims["exp"])
    except Unauthenticated:
        raise
    except Exception as error:  # python-jose lets RecursionError, KeyError and others through: none of them may become a 500
        raise Unauthenticated from error


def new_refresh() -> str:
    return _text(secrets.token_bytes(32))


def refresh_hash(token: str) -> bytes:
    """What is stored of a refresh token. It is random, so a plain digest cannot be guessed back."""
    return hashlib.sha256(token.encode()).digest()


def successor(keys: MasterKeys, parent: str, child_id: UUID) -> str:
    """The child of a refresh token, which can be made again from its parent: a phone that lost the answer gets the same one."""
    return _derived(keys.current(REFRESH_PURPOSE), parent, child_id)


def successor_again(keys: MasterKeys, parent: str, child_id: UUID, child_hash: bytes) -> str | None:
    """The child made before, whichever key of the ring made it; None when that key is gone."""
    made: Iterator[str] = (_derived(keys.of(REFRESH_PURPOSE, kid) or b"", parent, child_id) for kid in keys.keys)
    return next((token for token in made if hmac.compare_digest(refresh_hash(token), child_hash)), None)


def _derived(key: bytes, parent: str, child_id: UUID) -> str:
    return _text(hmac.digest(key, parent.encode() + child_id.bytes, "sha256"))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _key_for(keys: MasterKeys, token: str) -> bytes:
    """The one key that the header names, when the header is flat and says exactly what ours say.

    Base64 that decodes alike but is written otherwise is refused too: one token has one spelling.
    """
    if len(token) > MAX_TOKEN_BYTES or not FORM.fullmatch(token):
        raise Unauthenticated
    parts = [(part, urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")]
    if any(_text(raw) != part for part, raw in parts):
        raise Unauthenticated
    raw = parts[0][1]
    if raw.count(b"{") != 1 or raw.count(b"[") != 0:
        raise Unauthenticated
    header, _ = (json.loads(part, object_pairs_hook=_once) for _, part in parts[:2])
    if set(header) != HEADER_FIELDS or header["alg"] != ALGORITHM or header["typ"] != "at+jwt" or header["kid"] not in keys.keys:
        raise Unauthenticated
    key = keys.of("access-token", header["kid"])
    if key is None:
        raise Unauthenticated
    return key


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names differ: of a repeated one, two readers may see two values. Raises Unauthenticated."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Unauthenticated
    return made


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())
