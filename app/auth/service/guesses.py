"""Wrong passwords and wrong second factors, counted over all replicas (reliability.md 4.4).

A refusal is judged once more and counted under one lock after the work is undone: of a burst of guesses, no more than the limit hear
whether they were right, whichever replica weighs them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.audit import service as audit_service
from app.auth import workflow
from app.db.session import AsyncSession
from app.errors import TooManyAttempts
from app.figures import SIGN_IN_FAILURES
from app.security import throttles
from app.security.throttles import Window

Step = Callable[[AsyncSession], Awaitable[None]]

PER_ADDRESS, OVER_ALL = Window(300, 300), Window(1_000, 300)
PER_FACTOR = (Window(5, 300), Window(20, 3_600), Window(50, 86_400))
EVERYBODY = "password:all"


@dataclass(frozen=True, slots=True)
class Counters:
    """Under which keys a wrong password counts: the account's (or that of one known device of it), and the address's.

    Each has one name under every key of the ring. A guess is counted under the first and sought under all: a change of keys gives no
    second row of guesses, whichever process weighs them.
    """

    account: tuple[str, ...]
    address: tuple[str, ...]


def counters(*, names: Sequence[bytes], devices: Sequence[bytes] | None, addresses: Sequence[bytes]) -> Counters:
    """`devices` only when it has signed in to this account before: then a stranger's guesses cannot shut it out."""
    own = [f":{device.hex()[:32]}" for device in devices] if devices else [""] * len(names)
    return Counters(
        tuple(f"password:name:{name.hex()[:32]}{end}" for name, end in zip(names, own, strict=True)),
        tuple(f"password:from:{address.hex()[:32]}" for address in addresses),
    )


async def refuse_password_if_stopped(session: AsyncSession, keys: Counters) -> None:
    """Raises TooManyAttempts with the seconds to wait."""
    wait = max(
        workflow.stopped_for(await throttles.ages(session, *keys.account, most=workflow.LONG_RUN)),
        await _wait(session, keys.address, (PER_ADDRESS,)),
        await _wait(session, (EVERYBODY,), (OVER_ALL,)),
    )
    if wait:
        raise TooManyAttempts(retry_after=wait)


async def refuse_factor_if_stopped(session: AsyncSession, account_id: UUID) -> None:
    """Raises TooManyAttempts with the seconds to wait."""
    wait = await _wait(session, (_factor_key(account_id),), PER_FACTOR)
    if wait:
        raise TooManyAttempts(retry_after=wait)


async def hold_password(session: AsyncSession, keys: Counters) -> None:
    """Makes a right password wait for those that are being counted. Before any row lock."""
    await throttles.hold(session, *keys.account)


async def hold_factor(session: AsyncSession, account_id: UUID) -> None:
    await throttles.hold(session, _factor_key(account_id))


async def forgive(session: AsyncSession, keys: Counters) -> None:
    """The run of wrong passwords is over."""
    await throttles.clear(session, *keys.account)


async def forgive_factor(session: AsyncSession, account_id: UUID) -> None:
    await throttles.clear(session, _factor_key(account_id))


def wrong_password(keys: Counters, account_id: UUID | None) -> Step:
    async def step(session: AsyncSession) -> None:
        await throttles.hold(session, *keys.account, *keys.address, EVERYBODY)
        await refuse_password_if_stopped(session, keys)
        for key in (keys.account[0], keys.address[0], EVERYBODY):
            await throttles.count_failure(session, key)
        _record(session, "auth.password", account_id)

    return step


def wrong_factor(account_id: UUID) -> Step:
    async def step(session: AsyncSession) -> None:
        await hold_factor(session, account_id)
        await refuse_factor_if_stopped(session, account_id)
        await throttles.count_failure(session, _factor_key(account_id))
        _record(session, "auth.factor", account_id)

    return step


def _factor_key(account_id: UUID) -> str:
    return f"factor:{account_id}"


async def _wait(session: AsyncSession, keys: tuple[str, ...], windows: tuple[Window, ...]) -> int:
    most = max(window.limit for window in windows)
    return throttles.wait_in_windows(await throttles.ages(session, *keys, most=most), windows)


def _record(session: AsyncSession, action: str, account_id: UUID | None) -> None:
    SIGN_IN_FAILURES.labels(action.removeprefix("auth.")).inc()
    audit_service.record(session, action, object_kind="account", object_id=account_id, outcome="denied", reason="bad_credentials")
