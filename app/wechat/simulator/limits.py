"""How often each call may be made: in a rolling minute, and in a day, which begins at midnight in Beijing."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from app.wechat.simulator.refusal import Refusal

MINUTE, DAY, BEIJING = 60.0, 86_400.0, 8 * 3_600.0
QUOTA, TOO_FAST = 45009, 45011
KNOWN_KEYS = 100_000
LINKS = "/wxa/generate_urllink"


@dataclass(frozen=True, slots=True)
class Allowance:
    """`quick` is the code for too many in a minute: some calls say 45009 for that too."""

    minute: int | None = None
    daily: int | None = None
    quick: int = TOO_FAST


ALLOWANCES = {
    "/cgi-bin/stable_token": Allowance(minute=10_000, daily=500_000),
    "/cgi-bin/token": Allowance(daily=2_000),
    "/cgi-bin/message/subscribe/send": Allowance(daily=10_000_000),
    "/wxa/getwxacodeunlimit": Allowance(minute=5_000, quick=QUOTA),
    "/wxa/msg_sec_check": Allowance(minute=4_000, daily=2_000_000, quick=QUOTA),
    "/wxa/media_check_async": Allowance(minute=2_000, daily=200_000, quick=QUOTA),
    "/wxa/resetusersessionkey": Allowance(minute=60_000),
    LINKS: Allowance(daily=500_000),
}
SHARED = {"/wxa/generatescheme": LINKS}  # one quota for both kinds of links


class Meter:
    """At most `limit` calls in `seconds` for each key."""

    def __init__(self, limit: int, seconds: float, errcode: int, clock: Callable[[], float]) -> None:
        self._limit, self._seconds, self._errcode, self._clock = limit, seconds, errcode, clock
        self._calls: dict[str, deque[float]] = {}

    def count(self, key: str = "") -> None:
        """Raises Refusal for a call too many; that one is not counted."""
        now = self._clock()
        if len(self._calls) > KNOWN_KEYS:
            self._calls.clear()
        calls = self._calls.setdefault(key, deque(maxlen=self._limit))
        if len(calls) == self._limit and (not calls or now - calls[0] < self._seconds):
            raise Refusal(self._errcode)
        calls.append(now)


class Day:
    """At most `limit` calls until midnight in Beijing."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self.limit, self._clock = limit, clock
        self._day, self._used = -1, 0

    @property
    def used(self) -> int:
        today = int((self._clock() + BEIJING) // DAY)
        if today != self._day:
            self._day, self._used = today, 0
        return self._used

    def count(self) -> None:
        """Raises Refusal(45009) for a call too many; that one is not counted."""
        if self.used >= self.limit:
            raise Refusal(QUOTA)
        self._used += 1


class Limits:
    """The limits of every path, as WeChat has them until somebody sets others."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._minutes: dict[str, Meter] = {}
        self.days: dict[str, Day] = {}
        for path, allowed in ALLOWANCES.items():
            self.set(path, minute=allowed.minute, daily=allowed.daily)

    def set(self, path: str, *, minute: int | None = None, daily: int | None = None) -> None:
        """What is None stays as it is. What was used of a day counts against the new limit too."""
        path = SHARED.get(path, path)
        if minute is not None:
            self._minutes[path] = Meter(minute, MINUTE, ALLOWANCES.get(path, Allowance()).quick, self._clock)
        if daily is not None:
            self.days.setdefault(path, Day(daily, self._clock)).limit = daily

    def count(self, path: str) -> None:
        """Raises Refusal."""
        path = SHARED.get(path, path)
        if path in self._minutes:
            self._minutes[path].count()
        if path in self.days:
            self.days[path].count()

    def quota(self, path: str) -> Day | None:
        return self.days.get(SHARED.get(path, path))
