"""The forgery corpus (S28): nothing but our own token, in its one spelling, gets through; and nothing but 401 comes back."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from jose import jwt

from app import clock
from app.errors import TokenExpired, Unauthenticated
from app.security import tokens
from app.security.keys import MasterKeys, derive

ISSUER = "xinxin-development"
KEYS = MasterKeys({"k2": secrets.token_bytes(32), "k1": secrets.token_bytes(32)})
ACCOUNT, SESSION = uuid4(), uuid4()
PEM = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a good token, with some changed, or left out where None is given."""
    now = int(clock.now().timestamp())
    good = {
        "iss": ISSUER, "aud": tokens.AUDIENCE, "sub": str(ACCOUNT), "sid": str(SESSION), "jti": uuid4().hex, "iat": now, "exp": now + 900,
    }
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(header: str | dict[str, Any], body: str | dict[str, Any], key: bytes | None = None, digest: str = "sha256") -> str:
    """A token with a right signature over whatever header and body."""
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (header, body)]
    head = ".".join(b64(text.encode()) for text in texts)
    return f"{head}.{b64(hmac.digest(key or KEYS.current('access-token'), head.encode(), digest))}"


HEAD = {"alg": "HS256", "kid": "k2", "typ": "at+jwt"}
GOOD = tokens.issue(KEYS, issuer=ISSUER, account_id=ACCOUNT, session_id=SESSION)
H, B, S = GOOD.split(".")
OTHER = chr(ord(S[0]) ^ 1) if S[0].isalnum() and chr(ord(S[0]) ^ 1).isalnum() else "A"


def ago(seconds: int) -> int:
    return int(clock.now().timestamp()) - seconds


FORGED: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "one part": lambda: H,
    "two parts": lambda: f"{H}.{B}",
    "four parts": lambda: f"{GOOD}.{S}",
    "five parts, as a JWE": lambda: f"{H}.{B}.{S}.{B}.{S}",
    "no signature": lambda: f"{H}.{B}.",
    "none": lambda: f"{b64(json.dumps({**HEAD, 'alg': 'none'}).encode())}.{B}.",
    "None": lambda: signed({**HEAD, "alg": "None"}, claims()),
    "NONE": lambda: signed({**HEAD, "alg": "NONE"}, claims()),
    "nOnE": lambda: signed({**HEAD, "alg": "nOnE"}, claims()),
    "algorithm in lower case": lambda: signed({**HEAD, "alg": "hs256"}, claims()),
    "HS384": lambda: signed({**HEAD, "alg": "HS384"}, claims(), digest="sha384"),
    "HS512": lambda: signed({**HEAD, "alg": "HS512"}, claims(), digest="sha512"),
    "RS256 with our secret": lambda: signed({**HEAD, "alg": "RS256"}, claims()),
    "ES256": lambda: signed({**HEAD, "alg": "ES256"}, claims()),
    "algorithm as a list": lambda: signed({**HEAD, "alg": ["HS256"]}, claims()),
    "algorithm null": lambda: signed({**HEAD, "alg": None}, claims()),
    "no algorithm": lambda: signed({"kid": "k2", "typ": "at+jwt"}, claims()),
    "signed with a PEM": lambda: signed(HEAD, claims(), key=PEM.encode()),
    "signed with DER": lambda: signed(HEAD, claims(), key=base64.b64decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")),
    "signed with nothing": lambda: signed(HEAD, claims(), key=b"\0"),
    "signed with the master itself": lambda: signed(HEAD, claims(), key=KEYS.keys["k2"]),
    "signed for another purpose": lambda: signed(HEAD, claims(), key=derive(KEYS.keys["k2"], "refresh-token")),
    "signed by the other key": lambda: signed(HEAD, claims(), key=KEYS.of("access-token", "k1")),
    "unknown kid": lambda: signed({**HEAD, "kid": "k9"}, claims()),
    "no kid": lambda: signed({"alg": "HS256", "typ": "at+jwt"}, claims()),
    "kid is a path": lambda: signed({**HEAD, "kid": "../../dev/null"}, claims()),
    "kid is SQL": lambda: signed({**HEAD, "kid": "' or 1=1 --"}, claims()),
    "kid is a number": lambda: signed({**HEAD, "kid": 2}, claims()),
    "kid is an object": lambda: signed({**HEAD, "kid": {"k2": 1}}, claims()),
    "typ JWT": lambda: signed({**HEAD, "typ": "JWT"}, claims()),
    "no typ": lambda: signed({"alg": "HS256", "kid": "k2"}, claims()),
    "jku": lambda: signed({**HEAD, "jku": "http://127.0.0.1/keys"}, claims()),
    "x5u": lambda: signed({**HEAD, "x5u": "http://127.0.0.1/cert"}, claims()),
    "embedded jwk": lambda: signed({**HEAD, "jwk": {"kty": "oct", "k": "AA"}}, claims()),
    "crit": lambda: signed({**HEAD, "crit": ["exp"]}, claims()),
    "kid twice": lambda: signed('{"alg":"HS256","kid":"k9","kid":"k2","typ":"at+jwt","kid":[]}', claims()),
    "kid twice, the last one right": lambda: signed('{"alg":"HS256","kid":"k9","kid":"k2","typ":"at+jwt"}', claims()),
    "sub twice": lambda: signed(HEAD, json.dumps(claims())[:-1] + f', "sub": "{uuid4()}"}}'),
    "header nested 5,000 deep": lambda: signed("[" * 5_000 + "]" * 5_000, claims()),
    "header nested, small": lambda: signed("[" * 900 + "]" * 900, claims()),
    "header is a list": lambda: signed("[]", claims()),
    "header is no JSON": lambda: signed("at+jwt", claims()),
    "64 KB": lambda: signed(HEAD, claims(pad="x" * 65_536)),
    "body nested": lambda: signed(HEAD, '{"iss":' + "[" * 1_200 + "]" * 1_200 + "}"),
    "body is a list": lambda: signed(HEAD, "[]"),
    "body is no JSON": lambda: signed(HEAD, "sub=1"),
    "no exp": lambda: signed(HEAD, claims(exp=None)),
    "no iat": lambda: signed(HEAD, claims(iat=None)),
    "no sub": lambda: signed(HEAD, claims(sub=None)),
    "no sid": lambda: signed(HEAD, claims(sid=None)),
    "no jti": lambda: signed(HEAD, claims(jti=None)),
    "no aud": lambda: signed(HEAD, claims(aud=None)),
    "no iss": lambda: signed(HEAD, claims(iss=None)),
    "other audience": lambda: signed(HEAD, claims(aud="xinxin-console")),
    "production": lambda: signed(HEAD, claims(iss="xinxin-production")),
    "not yet": lambda: signed(HEAD, claims(nbf=ago(-3_600))),
    "exp is text": lambda: signed(HEAD, claims(exp="tomorrow")),
    "exp is infinite": lambda: signed(HEAD, json.dumps(claims()).replace(f'"exp": {claims()["exp"]}', '"exp": 1e999')),
    "sub is no id": lambda: signed(HEAD, claims(sub="admin")),
    "sub is a number": lambda: signed(HEAD, claims(sub=1)),
    "sid is a list": lambda: signed(HEAD, claims(sid=[str(SESSION)])),
    "another's body": lambda: f"{H}.{b64(json.dumps(claims(sub=str(uuid4()))).encode())}.{S}",
    "one bit of the signature": lambda: f"{H}.{B}.{OTHER}{S[1:]}",
    "cut signature": lambda: GOOD[:-4],
    "padding added": lambda: GOOD + "=",
    "another spelling of the last bits": lambda: GOOD[:-1] + ("B" if GOOD[-1] == "A" else chr(ord(GOOD[-1]) + 1)),
    "space inside": lambda: GOOD.replace(".", ". ", 1),
    "line break at the end": lambda: GOOD + "\n",
    "standard base64": lambda: f"{H}.{B}.{S.replace('-', '+').replace('_', '/')}+",
    "a refresh token": tokens.new_refresh,
    "full-width": lambda: GOOD.replace("e", "ｅ", 1),
}


@pytest.fixture(params=list(FORGED))
def forged(request: pytest.FixtureRequest) -> Iterator[str]:
    yield FORGED[request.param]()


def test_a_good_token_is_read_with_either_key() -> None:
    former = MasterKeys({"k1": KEYS.keys["k1"]})
    for keys in (KEYS, former):
        token = tokens.issue(keys, issuer=ISSUER, account_id=ACCOUNT, session_id=SESSION)
        assert tokens.read(KEYS, token, issuer=ISSUER) == tokens.Claims(ACCOUNT, SESSION)


def test_our_own_way_of_signing_is_good() -> None:
    """The corpus would prove nothing if its tokens were refused for a flaw of the forger's."""
    assert tokens.read(KEYS, signed(HEAD, claims()), issuer=ISSUER) == tokens.Claims(ACCOUNT, SESSION)


@pytest.mark.check("S28", part=True)
def test_forged_tokens_are_refused(forged: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens.read(KEYS, forged, issuer=ISSUER)


@pytest.mark.variant("S28")
def test_a_plain_call_of_the_library_lets_some_through() -> None:
    """The known-bad variant: python-jose with its defaults, the key chosen by nobody."""
    passed = []
    for name, make in FORGED.items():
        try:
            jwt.decode(make(), KEYS.current("access-token"), algorithms=["HS256"], audience=tokens.AUDIENCE, issuer=ISSUER)
        except Exception:  # whatever it throws: it did not let this one through
            continue
        passed.append(name)
    assert {"no aud", "no exp", "crit", "unknown kid", "typ JWT"} <= set(passed)


def test_the_time_is_over_after_the_leeway() -> None:
    assert tokens.read(KEYS, signed(HEAD, claims(exp=ago(25))), issuer=ISSUER)
    with pytest.raises(TokenExpired):
        tokens.read(KEYS, signed(HEAD, claims(exp=ago(31))), issuer=ISSUER)
    assert timedelta(seconds=tokens.LEEWAY_SECONDS) == timedelta(seconds=30)


def test_a_child_can_be_made_again_by_the_key_that_made_it_only() -> None:
    parent, child = tokens.new_refresh(), uuid4()
    made = tokens.successor(KEYS, parent, child)
    turned = MasterKeys({"k3": secrets.token_bytes(32), **KEYS.keys})
    assert tokens.successor_again(turned, parent, child, tokens.refresh_hash(made)) == made
    assert tokens.successor_again(MasterKeys({"k3": turned.keys["k3"]}), parent, child, tokens.refresh_hash(made)) is None
    assert tokens.successor(KEYS, parent, uuid4()) != made and tokens.refresh_hash(made) == hashlib.sha256(made.encode()).digest()


@pytest.mark.check("S28", part=True)
async def test_no_forgery_becomes_anything_but_a_401(client: httpx.AsyncClient, people: Any) -> None:
    member = await people.member()
    good = member.headers["Authorization"].removeprefix("Bearer ")
    spellings = [f"bearer {good}", f"BEARER {good}", f"Bearer  {good}", good, f"Token {good}", f"Bearer {good}, Bearer {good}", "Bearer "]
    texts = [make() for make in FORGED.values()]  # what no header can carry, and what is 431 before anybody reads it, is left out
    spellings += [f"Bearer {text}" for text in texts if text.isascii() and text.isprintable() and len(text) < 15_000]
    for text in spellings:
        answer = await client.get("/api/v1/auth/sessions", headers={"Authorization": text})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), text[:60]
    twice = await client.get("/api/v1/auth/sessions", headers=[("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")])
    assert twice.status_code == 401
    assert (await client.get("/api/v1/auth/sessions", headers=member.headers)).status_code == 200
