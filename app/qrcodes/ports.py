"""Whom printed codes ask about the thing that a scan opens: one provider for each purpose."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import ValidationFailed

MayIssue = Callable[[AsyncSession, Principal, UUID], Awaitable[bool]]
Describe = Callable[[AsyncSession, UUID], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Target:
    """`may_issue` raises NotFound for an unknown thing; `describe` is shown to everybody, and holds `id` and `name`. Neither writes."""

    may_issue: MayIssue
    describe: Describe


_TARGETS: dict[str, Target] = {}


def target(purpose: str, may_issue: MayIssue, describe: Describe) -> None:
    """Registers who answers for the things that codes of this purpose open."""
    provider = Target(may_issue, describe)
    assert _TARGETS.get(purpose, provider) == provider, f"two targets of {purpose}"
    _TARGETS[purpose] = provider


def provider_of(purpose: str) -> Target:
    """Raises ValidationFailed for a purpose whose feature this installation does not have."""
    provider = _TARGETS.get(purpose)
    if provider is None:
        raise ValidationFailed.of("body", "purpose", msg="暂不支持这种用途的二维码", kind="purpose")
    return provider


async def describe(session: AsyncSession, *, purpose: str, target_id: UUID) -> dict[str, Any]:
    """What a scan shows. Raises NotFound for a thing that is gone."""
    return await provider_of(purpose).describe(session, target_id)
