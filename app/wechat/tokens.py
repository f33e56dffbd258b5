"""The access token: kept in this process, shared with the others through a store, fetched by one of all of them at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

RENEW_BEFORE = 300  # WeChat makes the next token 5 minutes before the old one ends, and both work meanwhile


@dataclass(frozen=True, slots=True)
class Token:
    """`seconds` is how long the token should be used from now on, `lives` how long it works."""

    text: str = field(repr=False)
    seconds: float
    lives: float


Fetch = Callable[[], Awaitable[Token]]


def fetched(text: str, expires_in: int) -> Token:
    """A new token's times. A short-lived one is used for half of its life: otherwise every call would fetch the next."""
    return Token(text, max(expires_in - RENEW_BEFORE, expires_in / 2), expires_in)


class TokenStore(Protocol):
    """Where processes share the token."""

    async def obtain(self, appid: str, *, stale: str | None, fetch: Fetch) -> Token:
        """A token other than `stale`: the shared one, or else what `fetch` brings, called by one process at a time.

        Raises what `fetch` raises, and WeChatUnavailable when another process does not bring one in time.
        """

    async def replace(self, appid: str, token: Token) -> None:
        """Every process uses this one from now on, at the latest when WeChat refuses it the old one."""


class TokenKeeper:
    """This process's copy. Callers that need a new token at once wait for the same fetch and share its failure."""

    def __init__(self, appid: str, store: TokenStore, fetch: Fetch) -> None:
        self._appid, self._store, self._fetch = appid, store, fetch
        self._token: Token | None = None
        self._until = 0.0
        self._obtaining: asyncio.Task[Token] | None = None

    async def current(self, *, stale: str | None = None) -> str:
        """A token to use now. `stale` is the one that WeChat has just refused; it comes back only if WeChat gives it out again."""
        token = self._token if time.monotonic() < self._until else None
        if token is not None and token.text != stale:
            return token.text
        token = await self._next(stale)
        if token.text == stale:
            # The fetch had been begun by a caller to whom this token was good, or WeChat insists on it. Never more than one fetch of
            # one's own: it would go on as fast as WeChat answers.
            token = await self._next(stale)
        return token.text

    async def _next(self, stale: str | None) -> Token:
        """The fetch goes on when this caller's time is over: the next one finds its result."""
        if self._obtaining is None:
            self._obtaining = asyncio.create_task(self._obtain(stale))
        return await asyncio.shield(self._obtaining)

    async def _obtain(self, stale: str | None) -> Token:
        try:
            asked = time.monotonic()
            self._token = await self._store.obtain(self._appid, stale=stale, fetch=self._fetch)
            self._until = asked + self._token.seconds
            return self._token
        finally:
            self._obtaining = None

    async def close(self) -> None:
        if self._obtaining is not None:
            self._obtaining.cancel()
            await asyncio.gather(self._obtaining, return_exceptions=True)
