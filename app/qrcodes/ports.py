"""Whom printed codes ask about the thing that a scan opens: one provider for each purpose."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import Forbidden, ValidationFailed

MayIssue = Callable[[AsyncSession, Principal, UUID], Awaitable[bool]]
Describe = Callable[[AsyncSession, UUID], Awaitable[dict[str, Any]]]
ExpectOpen = Callable[[AsyncSession, UUID], Awaitable[None]]
ByIds = Callable[[AsyncSession, Collection[UUID]], Awaitable[Mapping[UUID, Any]]]


@dataclass(frozen=True, slots=True)
class Target:
    """`may_issue` raises NotFound for an unknown thing. `describe` is shown to everybody: it holds `id` and `name`, and may hold `lines`,
    Chinese sentences for the landing page.

    `by_ids` brings the things of a whole page into the session, where the other two find them without a statement of their own.
    `expect_open` raises Conflict for a thing that is over and gets no new codes; those that it has can still be put out of use.
    None of them writes. A feature that issues its codes itself needs no `by_ids`: its codes stand in no list of ours.
    """

    may_issue: MayIssue
    describe: Describe
    by_ids: ByIds | None = None
    expect_open: ExpectOpen | None = None


_TARGETS: dict[str, Target] = {}


def target(
    purpose: str, may_issue: MayIssue, describe: Describe, by_ids: ByIds | None = None, expect_open: ExpectOpen | None = None
) -> None:
    """Registers who answers for the things that codes of this purpose open."""
    provider = Target(may_issue, describe, by_ids, expect_open)
    assert _TARGETS.get(purpose, provider) == provider, f"two targets of {purpose}"
    _TARGETS[purpose] = provider


def provider_of(purpose: str) -> Target:
    """Raises ValidationFailed for a purpose whose feature this installation does not have."""
    provider = _TARGETS.get(purpose)
    if provider is None:
        raise ValidationFailed.of("body", "purpose", msg="暂不支持这种用途的二维码", kind="purpose")
    return provider


async def expect_issuer(session: AsyncSession, principal: Principal, *, purpose: str, target_id: UUID) -> None:
    """Raises NotFound for an unknown thing, Forbidden for who may not print its codes, Conflict for one that is over."""
    provider = provider_of(purpose)
    if not await provider.may_issue(session, principal, target_id):
        raise Forbidden
    if provider.expect_open is not None:
        await provider.expect_open(session, target_id)


async def describe(session: AsyncSession, *, purpose: str, target_id: UUID) -> dict[str, Any]:
    """What a scan shows. Raises NotFound for a thing that is gone."""
    return await provider_of(purpose).describe(session, target_id)
