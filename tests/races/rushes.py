"""What many do at once to one member's points, and how it is judged: the same for the service and for its known-bad variants."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from app.db.base import new_id
from app.points.service import Award
from tests.races.judges import agreeing, paid_once, within_cap
from tests.races.vault import Vault, all_at_once

CAP = 50  # REPORT_ACCEPTED: 10 points, five times a day


async def awards(vault: Vault, member_id: UUID, rules: Sequence[str]) -> list[Award]:
    """Each for a source of its own."""
    return await all_at_once(
        [partial(vault.teller(number).award, member_id, rule, new_id()) for number, rule in enumerate(rules)]
    )


async def expect_the_cap(vault: Vault, member_id: UUID, *, contenders: int) -> list[Award]:
    given = await awards(vault, member_id, ["REPORT_ACCEPTED"] * contenders)
    within_cap([one.credited for one in given], CAP)
    return given


async def expect_one_payment(vault: Vault, member_id: UUID, *, contenders: int) -> None:
    """One source, asked for by everybody."""
    source = new_id()
    asked = [partial(vault.teller(number).award, member_id, "REPORT_ACCEPTED", source) for number in range(contenders)]
    given = await all_at_once(asked)
    earned = [amount for kind, amount in await vault.lines(member_id) if kind == "earn"]
    paid_once([one.credited for one in given], earned)


async def expect_agreement(vault: Vault, member_id: UUID, *, orders: int) -> None:
    """So many orders of ten points are verified at once, and as much is earned beside them."""
    bank, held = vault.tellers[0], [new_id() for _ in range(orders)]
    await bank.adjust(member_id, 10 * orders + 5)
    for order in held:
        await bank.hold(member_id, order, 10)
    verified = [partial(vault.teller(number).capture, member_id, order, 10) for number, order in enumerate(held)]
    earned = [partial(vault.teller(number).award, member_id, "VOLUNTEER_HOUR", new_id()) for number in range(2)]
    await all_at_once([*verified, *earned])  # type: ignore[list-item]
    agreeing(await vault.findings(), await vault.standing(member_id), (45, 0, 0))
