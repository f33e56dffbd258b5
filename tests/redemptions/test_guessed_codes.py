"""S32 as a row, small (the thousands run at night): the chance of a guess, who may guess, and that no wrong code differs from another."""

import httpx
import pytest

from app.redemptions import codes, workflow
from app.security import typed_codes
from tests.redemptions.conftest import Shop, code_of
from tests.support.waits import guessed_until_stopped
from tests.trust.plugin import Measure

DAY_S, LIVE_CODES = 86_400, 100_000  # more than a store will ever have open at once
ONE_IN_A_MILLION = 1e-6


def chance_of_a_day(symbols: int, *, guesses: int, window_s: int) -> float:
    """That one of a day's guesses at one store is one of its live codes, when the check symbol is computed and five of 37 never drawn."""
    drawn: float = len(typed_codes.ALPHABET) ** symbols * len(typed_codes.ALPHABET) / len(typed_codes.CHECK_ALPHABET)
    return DAY_S / window_s * guesses * LIVE_CODES / drawn


@pytest.mark.check("S32")
def test_a_day_of_guessing_finds_a_code_in_less_than_one_of_a_million(measured: Measure) -> None:
    drawn = {codes.draw() for _ in range(200)}
    assert len(drawn) == 200 and {len(code) for code in drawn} == {12} and all(typed_codes.fits(code) for code in drawn)
    assert {code[:-1][at] for code in drawn for at in range(11)} <= set(typed_codes.ALPHABET) and len(set(typed_codes.ALPHABET)) == 32
    chance = chance_of_a_day(11, guesses=workflow.GUESSES, window_s=workflow.GUESS_WINDOW_S)
    measured("chance of a day's guessing", chance)
    assert chance < ONE_IN_A_MILLION


@pytest.mark.variant("S32")
def test_six_digits_or_no_stop_would_be_found() -> None:
    assert chance_of_a_day(4, guesses=workflow.GUESSES, window_s=workflow.GUESS_WINDOW_S) > ONE_IN_A_MILLION
    assert chance_of_a_day(11, guesses=100_000, window_s=1) > ONE_IN_A_MILLION


@pytest.mark.check("S32")
async def test_a_rider_is_no_clerk_however_often(shop: Shop) -> None:
    """Another store's clerk neither: nothing of theirs is weighed, so nothing of theirs can stop the store."""
    order = await shop.order(await shop.reward())
    heard = [code_of(await shop.verify(codes.draw(), who=who)) for who in (shop.rider, shop.other_clerk) for _ in range(12)]
    heard += [code_of(await shop.verify(order["code"], who=shop.rider))]
    assert set(heard) == {(404, "not_found")} and not await shop.sql("select 1 from verification_guess")
    assert (await shop.verify(order["code"])).status_code == 200


@pytest.mark.check("S32")
async def test_wrong_foreign_and_ended_codes_cost_the_same_statements(shop: Shop, statements: list[str]) -> None:
    """On a noisy machine the cause is looked at instead of the time: which statements ran, in which order."""
    order = await shop.order(await shop.reward(store_ids=[shop.other_id]))
    await shop.verify(codes.draw())
    asked = []
    for presented in (codes.draw(), order["code"], codes.draw()):
        statements.clear()
        answer = await shop.verify(presented)
        assert code_of(answer) == (404, "code_not_found")
        worked = [" ".join(statement.split()[:4]) for statement in statements if "SAVEPOINT" not in statement]
        asked.append((answer.json() | {"request_id": ""}, worked))
    assert asked[0] == asked[1] == asked[2]


@pytest.mark.check("S32", "S36")
async def test_whoever_waits_at_the_till_as_long_as_was_said_is_heard(shop: Shop) -> None:
    async def guess() -> httpx.Response:
        return await shop.verify(codes.draw())

    assert await guessed_until_stopped(shop.session, guess, limit=workflow.GUESSES, spread_s=200) == [429, 429, 404]
