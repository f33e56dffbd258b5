"""The forgery corpus of S28: tokens that are right in all but one thing, for whichever ring, issuer and session they are to fool."""

import base64
import hmac
import json
import secrets
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app import clock
from app.security import tokens
from app.security.keys import MasterKeys, derive

NONES = ("none", "None", "NONE", "nOnE", "nonE", "NoNe", " none", "none ", "")
JKU, EMBEDDED = "http://127.0.0.1:9/keys", {"kty": "oct", "k": "AA"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def ago(seconds: int) -> int:
    return int(clock.now().timestamp()) - seconds


@lru_cache(maxsize=1)
def forger_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


def public_forms() -> dict[str, bytes]:
    """The ways in which a public key is written, each of which some library has taken for the secret of an HMAC."""
    public = forger_key().public_key()
    numbers = public.public_numbers()
    jwk = {"kty": "RSA", "n": b64(numbers.n.to_bytes(256, "big")), "e": b64(numbers.e.to_bytes(3, "big"))}
    return {
        "PEM": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "PKCS1 PEM": public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "ssh": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "JWK": json.dumps(jwk).encode(),
    }


@dataclass(frozen=True)
class Forger:
    """Knows everything but that nothing else is let through: it signs with the real key, so that only the forged thing is wrong."""

    keys: MasterKeys
    issuer: str
    account_id: UUID
    session_id: UUID

    @property
    def head(self) -> dict[str, Any]:
        return {"alg": "HS256", "kid": self.keys.active, "typ": "at+jwt"}

    def claims(self, **changed: Any) -> dict[str, Any]:
        """The claims of a good token, with some changed, or left out where None is given."""
        now = ago(0)
        good = {
            "iss": self.issuer, "aud": tokens.AUDIENCE, "sub": str(self.account_id), "sid": str(self.session_id), "jti": uuid4().hex,
            "iat": now, "exp": now + 900,
        }
        return {name: value for name, value in (good | changed).items() if value is not None}

    def parts(self, header: str | dict[str, Any], body: str | dict[str, Any]) -> str:
        texts = [part if isinstance(part, str) else json.dumps(part) for part in (header, body)]
        return ".".join(b64(text.encode()) for text in texts)

    def signed(
        self, header: str | dict[str, Any], body: str | dict[str, Any], key: bytes | None = None, digest: str = "sha256"
    ) -> str:
        """A token with a right signature over whatever header and body."""
        head = self.parts(header, body)
        return f"{head}.{b64(hmac.digest(key or self.keys.current('access-token'), head.encode(), digest))}"

    def with_head(self, **changed: Any) -> str:
        """Good but for its header; None leaves a field out."""
        return self.signed({name: value for name, value in (self.head | changed).items() if value is not None}, self.claims())

    def with_claims(self, **changed: Any) -> str:
        return self.signed(self.head, self.claims(**changed))

    def by_rsa(self, algorithm: str = "RS256") -> str:
        head = self.parts({**self.head, "alg": algorithm}, self.claims())
        return f"{head}.{b64(forger_key().sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def by_curve(self) -> str:
        head = self.parts({**self.head, "alg": "ES256"}, self.claims())
        return f"{head}.{b64(ec.generate_private_key(ec.SECP256R1()).sign(head.encode(), ec.ECDSA(hashes.SHA256())))}"

    @cached_property
    def good(self) -> str:
        return tokens.issue(self.keys, issuer=self.issuer, account_id=self.account_id, session_id=self.session_id)

    def corpus(self) -> dict[str, str]:
        return {**self._unsigned(), **self._mixed(), **self._headers(), **self._claims(), **self._shapes()}

    def _unsigned(self) -> dict[str, str]:
        body = self.claims()
        found = {f"alg {spelt!r}": f"{self.parts({**self.head, 'alg': spelt}, body)}." for spelt in NONES}
        found |= {f"alg {spelt!r}, signed": self.with_head(alg=spelt) for spelt in NONES[:4]}
        return found | {"alg none, kid none": f"{self.parts({'alg': 'none', 'typ': 'at+jwt'}, body)}."}

    def _mixed(self) -> dict[str, str]:
        """Algorithms and keys that do not belong together."""
        secret, foreign = self.keys.keys[self.keys.active], MasterKeys({self.keys.active: secrets.token_bytes(32)})
        forms = public_forms().items()
        keyed = {f"HS256 with the {form} of a public key": self.signed(self.head, self.claims(), key=key) for form, key in forms}
        private = forger_key().private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return keyed | {
            "RS256 of the forger's own": self.by_rsa(), "RS256's signature called HS256": self.by_rsa("HS256"),
            "ES256 of the forger's own": self.by_curve(), "RS256 with our secret": self.with_head(alg="RS256"),
            "ES256 with our secret": self.with_head(alg="ES256"), "PS256 with our secret": self.with_head(alg="PS256"),
            "HS256 with a private PEM": self.signed(self.head, self.claims(), key=private),
            "HS384": self.signed({**self.head, "alg": "HS384"}, self.claims(), digest="sha384"),
            "HS512": self.signed({**self.head, "alg": "HS512"}, self.claims(), digest="sha512"),
            "algorithm in lower case": self.with_head(alg="hs256"), "algorithm as a list": self.with_head(alg=["HS256"]),
            "algorithm null": self.signed({**self.head, "alg": None}, self.claims()), "no algorithm": self.with_head(alg=None),
            "signed with nothing": self.signed(self.head, self.claims(), key=b"\0"),
            "signed with the master itself": self.signed(self.head, self.claims(), key=secret),
            "signed for another purpose": self.signed(self.head, self.claims(), key=derive(secret, "refresh-token")),
            "signed by another key of that name": self.signed(self.head, self.claims(), key=foreign.current("access-token")),
        }

    def _headers(self) -> dict[str, str]:
        kid = self.keys.active
        kids: dict[str, Any] = {
            "unknown": "k9", "a path": "../../dev/null", "SQL": "' or 1=1 --", "a command": "k2|id", "an address": JKU, "empty": "",
            "NUL": f"{kid}\0", "spaced": f" {kid}", "a number": 2, "an object": {kid: 1}, "a list": [kid], "true": True,
        }
        found = {f"kid is {name}": self.with_head(kid=value) for name, value in kids.items()}
        extra = {
            "jku": JKU, "x5u": JKU, "jwk": EMBEDDED, "x5c": ["MIIB"], "x5t": "AA", "crit": ["exp"], "unknown crit": ["xinxin"],
            "cty": "JWT", "zip": "DEF", "enc": "A256GCM", "b64": False,
        }
        found |= {name: self.with_head(**{name.removeprefix("unknown "): value}) for name, value in extra.items()}
        return found | {
            "kid null": self.signed({**self.head, "kid": None}, self.claims()), "no kid": self.with_head(kid=None),
            "typ JWT": self.with_head(typ="JWT"), "no typ": self.with_head(typ=None),
            "kid twice": self.signed(f'{{"alg":"HS256","kid":"k9","kid":"{kid}","typ":"at+jwt","kid":[]}}', self.claims()),
            "kid twice, the last one right": self.signed(f'{{"alg":"HS256","kid":"k9","kid":"{kid}","typ":"at+jwt"}}', self.claims()),
            "alg twice": self.signed(f'{{"alg":"none","kid":"{kid}","typ":"at+jwt","alg":"HS256"}}', self.claims()),
            "header nested 5,000 deep": self.signed("[" * 5_000 + "]" * 5_000, self.claims()),
            "header nested, small": self.signed("[" * 900 + "]" * 900, self.claims()),
            "header is a list": self.signed("[]", self.claims()), "header is no JSON": self.signed("at+jwt", self.claims()),
        }

    def _claims(self) -> dict[str, str]:
        missing = {f"no {name}": self.with_claims(**{name: None}) for name in ("exp", "iat", "sub", "sid", "jti", "aud", "iss")}
        whole = json.dumps(self.claims())
        return missing | {
            "other audience": self.with_claims(aud="xinxin-console"), "audience of many": self.with_claims(aud=[tokens.AUDIENCE, 1]),
            "another environment": self.with_claims(iss="xinxin-elsewhere"), "not yet": self.with_claims(nbf=ago(-3_600)),
            "expired by 31 s": self.with_claims(exp=ago(31)), "expired by a year": self.with_claims(exp=ago(31_536_000)),
            "exp is text": self.with_claims(exp="tomorrow"), "exp is true": self.with_claims(exp=True),
            "exp is infinite": self.signed(self.head, whole.replace(f'"exp": {json.loads(whole)["exp"]}', '"exp": 1e999')),
            "sub is no id": self.with_claims(sub="admin"),
            "sub is a number": self.with_claims(sub=1), "sid is a list": self.with_claims(sid=[str(self.session_id)]),
            "another's sub": self.with_claims(sub=str(uuid4())), "another's sid": self.with_claims(sid=str(uuid4())),
            "sub twice": self.signed(self.head, whole[:-1] + f', "sub": "{uuid4()}"}}'),
            "exp twice": self.signed(self.head, whole[:-1] + f', "exp": {ago(-9_000)}}}'),
            "body nested": self.signed(self.head, '{"iss":' + "[" * 1_200 + "]" * 1_200 + "}"),
            "body is a list": self.signed(self.head, "[]"), "body is no JSON": self.signed(self.head, "sub=1"),
        }

    def _shapes(self) -> dict[str, str]:
        good = self.good
        head, body, mark = good.split(".")
        other = chr(ord(mark[0]) ^ 1) if mark[0].isalnum() and chr(ord(mark[0]) ^ 1).isalnum() else "A"
        changed = b64(json.dumps(self.claims(sub=str(uuid4()))).encode())
        return {
            "empty": "", "one part": head, "two parts": f"{head}.{body}", "four parts": f"{good}.{mark}",
            "five parts, as a JWE": f"{head}.{body}.{mark}.{body}.{mark}", "no signature": f"{head}.{body}.",
            "another's body": f"{head}.{changed}.{mark}", "one bit of the signature": f"{head}.{body}.{other}{mark[1:]}",
            "cut signature": good[:-4], "padding added": good + "=", "space inside": good.replace(".", ". ", 1), "line break": good + "\n",
            "another spelling of the last bits": good[:-1] + ("B" if good[-1] == "A" else chr(ord(good[-1]) + 1)),
            "standard base64": f"{head}.{body}.{mark.replace('-', '+').replace('_', '/')}+", "a refresh token": tokens.new_refresh(),
            "full-width": good.replace("e", "ｅ", 1), "64 KB": self.with_claims(pad="x" * 65_536),
        }
