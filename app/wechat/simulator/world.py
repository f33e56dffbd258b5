"""What the simulated WeChat remembers: who is who, which codes and tokens live, who asked how often."""

import base64
import hashlib
import heapq
import hmac
import itertools
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from app.wechat.simulator.faults import Fault
from app.wechat.simulator.limits import DAY, MINUTE, TOO_FAST, Day, Limits, Meter
from app.wechat.simulator.refusal import Refusal

CODE_LIFE = 300.0
TOKEN_LIFE, TOKEN_OVERLAP = 7_200.0, 300.0
VISIT_LIFE = 7_200.0
REMEMBERED = 1_000  # checks and pushes, for tests to look at
SENT_REMEMBERED = 20_000  # more than the greatest drain that anybody measures
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


@dataclass(slots=True)
class Person:
    """What is held against somebody. `muted` refuses in the phone what WeChat has taken."""

    risk_rank: int = 0
    blocked: bool = False
    muted: bool = False


class Security(Protocol):
    """WeChat's side of signed and encrypted calls. `url` is the address at WeChat's own host."""

    def open(self, url: str, headers: Mapping[str, str], raw: bytes) -> dict[str, Any]:
        """The object in a sealed body. Raises Refusal."""

    def seal(self, url: str, data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """What is answered instead, and the headers with its signature."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where events are pushed, as the console of the mini program has it. With a key they are sealed (safe mode)."""

    url: str
    token: str = field(repr=False)
    aes_key: str | None = field(default=None, repr=False)
    form: Literal["json", "xml"] = "json"


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """An event that is pushed at a time. `fetch` is the picture that it is about: one that cannot be had fails."""

    at: float
    number: int
    event: dict[str, Any] = field(compare=False, repr=False)
    fetch: str | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class Manners:
    """How this WeChat behaves where there is a choice.

    `latency` is how long a send to a person takes, in real seconds: a second one meanwhile is refused. `grants`: does everybody permit
    everything until told otherwise (`free`), or nothing (`budget`)? `media_seconds` (simulated) pass before a verdict, which is
    `media_suggest`, or never comes; `deliveries` is how often each event is pushed.
    """

    latency: float = 0.01
    grants: Literal["free", "budget"] = "free"
    media_seconds: float = 2.0
    media_suggest: Literal["pass", "review", "risky", "never"] = "pass"
    published: bool = True
    deliveries: int = 1


@dataclass
class World:
    appid: str
    secret: str = field(repr=False)
    outside: Callable[[], float]  # the clock on the wall

    def __post_init__(self) -> None:
        self.lapse = 0.0
        self.manners = Manners()
        self.people: dict[str, Person] = {}
        self.sending: set[str] = set()
        self.target: Target | None = None
        self.security: Security | None = None
        self.due: list[Due] = []
        self.numbers = itertools.count()
        self.pushed: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self.codes: dict[str, Code] = {}
        self.session_keys: dict[str, str] = {}
        self.visits: dict[str, float] = {}
        self.tokens: list[Token] = []
        self.stable: Token | None = None
        self.classic: Token | None = None
        self.templates: dict[str, frozenset[str]] = {}
        self.permissions: dict[tuple[str, str], int] = {}
        self.faults: list[Fault] = []
        self.sent: deque[dict[str, Any]] = deque(maxlen=SENT_REMEMBERED)
        self.media_checks: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self.calls: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self.sign_ins = Meter(100, MINUTE, TOO_FAST, self.clock)
        self.forced_soon = Meter(1, 30.0, TOO_FAST, self.clock)
        self.forced_daily = Day(20, self.clock)
        self.limits = Limits(self.clock)

    def clock(self) -> float:
        """The Unix time by which codes, tokens, visits, quotas and faults live."""
        return self.outside() + self.lapse

    def later(self, openid: str, event: str, seconds: float = 0.0, *, fetch: str | None = None, **facts: Any) -> None:
        """Has an event about a person pushed; without a target nobody hears of it."""
        if self.target is not None:
            said = {"ToUserName": f"gh_{self.appid[-12:]}", "FromUserName": openid, "CreateTime": int(self.clock()), "MsgType": "event"}
            heapq.heappush(self.due, Due(self.clock() + seconds, next(self.numbers), said | {"Event": event} | facts, fetch))

    def forget_due(self, trace: str) -> None:
        self.due = [due for due in self.due if due.event.get("trace_id") != trace]
        heapq.heapify(self.due)

    def person(self, openid: str) -> Person:
        return self.people.get(openid) or Person()

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
        return self.new_session_key(openid)

    def new_session_key(self, openid: str) -> str:
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
        now = self.clock()
        self.faults = [fault for fault in self.faults if fault.until is None or now < fault.until]
        for fault in self.faults:
            if fault.concerns(path, now):
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
