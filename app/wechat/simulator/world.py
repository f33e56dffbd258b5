"""What the simulated WeChat remembers: who is who, which codes and tokens live, who asked how often."""

import base64
import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.wechat.simulator.refusal import Refusal

MINUTE, DAY = 60.0, 86_400.0
CODE_LIFE = 300.0
TOKEN_LIFE, TOKEN_OVERLAP = 7_200.0, 300.0
VISIT_LIFE = 7_200.0
REMEMBERED = 1_000  # messages and checks, for tests to look at
KNOWN_PEOPLE = 100_000


@dataclass(slots=True)
class Code:
    kind: str
    openid: str
    phone: str
    country: str
    expires_at: float
    used: bool = False


@dataclass(slots=True)
class Token:
    text: str
    expires_at: float


class Meter:
    """At most `limit` calls in `seconds` for each key."""

    def __init__(self, limit: int, seconds: float, errcode: int, clock: Callable[[], float]) -> None:
        self._limit, self._seconds, self._errcode, self._clock = limit, seconds, errcode, clock
        self._calls: dict[str, deque[float]] = {}

    def count(self, key: str = "") -> None:
        """Raises Refusal for a call too many; that one is not counted."""
        now = self._clock()
        if len(self._calls) > KNOWN_PEOPLE:
            self._calls.clear()
        calls = self._calls.setdefault(key, deque(maxlen=self._limit))
        if len(calls) == self._limit and now - calls[0] < self._seconds:
            raise Refusal(self._errcode)
        calls.append(now)


@dataclass(slots=True)
class Fault:
    """What a path does instead of, or besides, its work, for the next `times` calls (None: until it is cleared).

    `delay` is waited after the work was done: the effect is there, the answer is late.
    """

    path: str
    times: int | None = 1
    errcode: int | None = None
    status: int | None = None
    body: str | None = None
    size: int | None = None
    delay: float = 0.0

    @property
    def replaces(self) -> bool:
        return not (self.errcode is None and self.status is None and self.body is None and self.size is None)


@dataclass
class World:
    appid: str
    secret: str = field(repr=False)
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self.codes: dict[str, Code] = {}
        self.session_keys: dict[str, str] = {}
        self.visits: dict[str, float] = {}
        self.tokens: list[Token] = []
        self.stable: Token | None = None
        self.classic: Token | None = None
        self.permissions: dict[tuple[str, str], int] = {}
        self.faults: list[Fault] = []
        self.sent: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self.media_checks: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self.calls: dict[str, int] = {}
        self.sign_ins = Meter(100, MINUTE, 45011, self.clock)
        self.stable_tokens = Meter(10_000, MINUTE, 45011, self.clock)
        self.forced_daily = Meter(20, DAY, 45009, self.clock)
        self.forced_soon = Meter(1, 30.0, 45011, self.clock)
        self.classic_tokens = Meter(2_000, DAY, 45009, self.clock)
        self.pictures = Meter(5_000, MINUTE, 45009, self.clock)
        self.text_checks = Meter(4_000, MINUTE, 45009, self.clock)
        self.media_check_calls = Meter(2_000, MINUTE, 45009, self.clock)
        self.links = Meter(500_000, DAY, 45009, self.clock)

    def openid(self, person: str) -> str:
        """28 characters that the name decides, so that they outlive a restart; the last nine prove that they are of this AppID."""
        return openid(self.appid, person)

    def is_openid(self, text: str) -> bool:
        return len(text) == 28 and hmac.compare_digest(text[19:].encode(), _proof(self.appid, text[:19]).encode())

    def expect_openid(self, text: str) -> str:
        """Raises Refusal(40003)."""
        if not self.is_openid(text):
            raise Refusal(40003)
        return text

    def mint_code(self, person: str, *, kind: str, phone: str | None, country: str) -> str:
        """A code of `wx.login` or of the phone button: one use, five minutes. A person without a given phone has always the same one."""
        now = self.clock()
        while self.codes and next(iter(self.codes.values())).expires_at < now:  # the oldest stand first
            del self.codes[next(iter(self.codes))]
        text = f"0{secrets.token_hex(15)}{'w' if kind == 'login' else 'p'}"
        self.codes[text] = Code(kind, self.openid(person), phone or own_phone(person), country, now + CODE_LIFE)
        return text

    def find_code(self, text: str, *, kind: str) -> Code:
        """Raises Refusal(40029) for a code that is unknown, too old, or of the other kind."""
        code = self.codes.get(text)
        if code is None or code.kind != kind or code.expires_at < self.clock():
            raise Refusal(40029)
        return code

    def visit(self, openid: str) -> str:
        """Notes a sign-in and returns the new session_key."""
        if len(self.visits) > KNOWN_PEOPLE:
            self.visits.clear()
            self.session_keys.clear()
        self.visits[openid] = self.clock()
        self.session_keys[openid] = base64.b64encode(secrets.token_bytes(16)).decode()
        return self.session_keys[openid]

    def expect_recent(self, openid: str) -> None:
        """Raises Refusal(61010) for a person whose last sign-in is over two hours ago; those from before a restart pass."""
        if self.clock() - self.visits.get(openid, self.clock()) > VISIT_LIFE:
            raise Refusal(61010)

    def new_token(self) -> Token:
        now = self.clock()
        self.tokens = [token for token in self.tokens if token.expires_at > now - DAY]  # for a day an old one is "expired", not unknown
        token = Token(f"80_{secrets.token_urlsafe(96)}", now + TOKEN_LIFE)
        self.tokens.append(token)
        return token

    def expect_token(self, text: str | None) -> None:
        """Raises Refusal: 41001 none, 40001 unknown, 42001 expired."""
        if not text:
            raise Refusal(41001)
        for token in self.tokens:
            if token.text == text:
                if token.expires_at <= self.clock():
                    raise Refusal(42001)
                return
        raise Refusal(40001)

    def take_fault(self, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.path == path:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                return fault
        return None


def openid(appid: str, person: str) -> str:
    """What a named person is to a mini program. Pure: whoever knows both names knows the openid."""
    head = "o" + _letters(f"{appid}|{person}".encode(), 18)
    return head + _proof(appid, head)


def own_phone(person: str) -> str:
    """The number of a person for whom no other is given."""
    digits = int.from_bytes(hashlib.sha256(f"phone|{person}".encode()).digest()[:8])
    return f"199{digits % 10**8:08d}"


def _proof(appid: str, head: str) -> str:
    return _letters(f"{appid}|proof|{head}".encode(), 9)


def _letters(seed: bytes, count: int) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(seed).digest()).decode()[:count]
