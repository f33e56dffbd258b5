"""Whom uploads ask who may see the thing that a photo is attached to: one provider for each kind of thing."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from app.auth.principal import Principal
from app.db.session import AsyncSession

MaySee = Callable[[AsyncSession, Principal, UUID], Awaitable[bool]]
MaySeeUnpassed = Callable[[AsyncSession, Principal, UUID, bool], Awaitable[bool]]
_OWNERS: dict[str, MaySee] = {}
_HANDLERS: dict[str, MaySee] = {}
_UNPASSED: dict[str, MaySeeUnpassed] = {}
_SHOWN_TO_ALL: set[str] = set()
_VOUCHED: set[str] = set()


def owner(
    kind: str, may_see: MaySee, may_see_original: MaySee | None = None, *, may_see_unpassed: MaySeeUnpassed | None = None,
    shown_to_all: bool = False, vouched: bool = False,
) -> None:
    """Registers who answers for things of this kind: `await may_see(session, principal, owner_id)`. It must not write.

    `may_see_original` is asked about the file as it was sent, with all that it tells; without it nobody may see one, and none is kept.
    `shown_to_all`: what has passed the content check is everybody's, and `may_see` is asked about the rest only.
    `may_see_unpassed`: strangers are among those who may see such things; asked, instead of `may_see`, about a photo that has not passed,
    and whether it is risky. `vouched`: staff put such photos before people and answer for them, so that what WeChat leaves to people has
    passed; what is risky stays hidden. Photos of a kind without `shown_to_all` and `may_see_unpassed` are seen by their owner and by
    officials only: WeChat is never sent one.
    """
    assert _OWNERS.get(kind, may_see) == may_see, f"two owners of {kind}"
    _OWNERS[kind] = may_see
    if may_see_original is not None:
        _HANDLERS[kind] = may_see_original
    if may_see_unpassed is not None:
        _UNPASSED[kind] = may_see_unpassed
    if shown_to_all:
        _SHOWN_TO_ALL.add(kind)
    if vouched:
        _VOUCHED.add(kind)


async def may_see(session: AsyncSession, *, principal: Principal, kind: str, owner_id: UUID, passed: bool, risky: bool) -> bool:
    """Nobody may see what no provider answers for."""
    unpassed, provider = _UNPASSED.get(kind), _OWNERS.get(kind)
    if unpassed is not None and not passed:
        return await unpassed(session, principal, owner_id, risky)
    return provider is not None and await provider(session, principal, owner_id)


async def may_see_original(session: AsyncSession, *, principal: Principal, kind: str, owner_id: UUID) -> bool:
    provider = _HANDLERS.get(kind)
    return provider is not None and await provider(session, principal, owner_id)


def wants_originals(kind: str) -> bool:
    """Is there anybody who may see the original of a photo of this kind of thing?"""
    return kind in _HANDLERS


def is_checked(kind: str) -> bool:
    """Do strangers see photos of this kind of thing, so that their content is checked first?"""
    return kind in _UNPASSED or kind in _SHOWN_TO_ALL


def is_shown_to_all(kind: str) -> bool:
    """Are such things public, and a photo of theirs with them once it has passed?"""
    return kind in _SHOWN_TO_ALL


def is_vouched(kind: str | None) -> bool:
    """Does whoever put such a photo there answer for what WeChat leaves to people?"""
    return kind in _VOUCHED
