"""The judgements of these races refuse what a naive service would do."""

from typing import Any

import pytest

from tests.races.judges import one_effect, one_line, one_winner, so_many_winners, told_the_truth
from tests.races.naive import CONTENDERS, scratch
from tests.support.service import Service
from tests.support.volley import Answer


def issued(seen: Any) -> bool:
    return bool(seen == "issued")


@pytest.mark.variant("S01")
async def test_naive_verify_lets_many_verify(service: Service) -> None:
    async with scratch(service.database_url, "status text", "'issued'") as table:
        heard = await table.race(
            "select status from {table}", may=issued, writes=["update {table} set status = 'verified'"], loser="already_verified"
        )
    with pytest.raises(AssertionError):
        one_winner(heard, "already_verified")


@pytest.mark.variant("S02")
async def test_naive_redeem_overdraws(service: Service) -> None:
    async with scratch(service.database_url, "available int", "30") as table:
        heard = await table.race(
            "select available from {table}", may=lambda seen: int(seen) >= 10, writes=["update {table} set available = available - 10"],
            loser="insufficient_points",
        )
        left = await table.value("select available from {table}")
    with pytest.raises(AssertionError):
        so_many_winners(heard, 3, "insufficient_points", left=left)


@pytest.mark.variant("S02")
async def test_naive_stock_sells_what_is_not_there(service: Service) -> None:
    """Writes back what it computed from what it read: the stock looks right at the end of no race."""
    async with scratch(service.database_url, "stock int", "5") as table:
        heard = await table.race(
            "select stock from {table}", may=lambda seen: int(seen) > 0, writes=["update {table} set stock = 4"], loser="out_of_stock"
        )
        left = await table.value("select stock from {table}")
    with pytest.raises(AssertionError):
        so_many_winners(heard, 5, "out_of_stock", left=left)


@pytest.mark.variant("S04")
async def test_naive_award_is_given_to_each(service: Service) -> None:
    async with scratch(service.database_url, "source int", "0") as table:
        heard = await table.race(
            "select count(*) from {table} where source = 1", may=lambda seen: seen == 0, writes=["insert into {table} values (1)"],
            loser="invalid_transition",
        )
        assert await table.value("select count(*) from {table} where source = 1") == CONTENDERS
    with pytest.raises(AssertionError):
        one_winner(heard, "invalid_transition")


@pytest.mark.variant("S04")
async def test_naive_accept_and_reject_both_win(service: Service) -> None:
    async with scratch(service.database_url, "status text", "'submitted'") as table:
        heard = await table.race(
            "select status from {table}", may=lambda seen: seen == "submitted",
            writes=["update {table} set status = 'accepted'", "update {table} set status = 'rejected'"], loser="invalid_transition",
        )
    with pytest.raises(AssertionError):
        one_winner(heard, "invalid_transition")


async def test_naive_verdict_is_given_by_each(service: Service) -> None:
    """Read, then write: both verdicts count, and the last one stands."""
    async with scratch(service.database_url, "status text", "'resolved'") as table:
        heard = await table.race(
            "select status from {table}", may=lambda seen: seen == "resolved",
            writes=["update {table} set status = 'awaiting_feedback'", "update {table} set status = 'in_progress'"],
            loser="invalid_transition",
        )
    with pytest.raises(AssertionError):
        one_winner(heard, "invalid_transition")


@pytest.mark.variant("S03")
async def test_naive_key_lets_many_effects_through(service: Service) -> None:
    async with scratch(service.database_url, "key text", "'another'") as table:
        heard = await table.race(
            "select count(*) from {table} where key = 'one'", may=lambda seen: seen == 0, writes=["insert into {table} values ('one')"],
            loser="request_in_progress",
        )
        effects = await table.value("select count(*) from {table} where key = 'one'")
    with pytest.raises(AssertionError):
        one_effect(heard, effects)


@pytest.mark.variant("S29")
async def test_naive_refresh_makes_a_family_of_each_use(service: Service) -> None:
    async with scratch(service.database_url, "used boolean", "false") as table:
        heard = await table.race("select used from {table}", may=lambda seen: not seen, writes=["update {table} set used = true"], loser="")
    with pytest.raises(AssertionError):
        one_line([f"{outcome}-{number}" for number, outcome in enumerate(heard) if outcome == "ok"])


def test_the_judge_refuses_a_stale_truth() -> None:
    """A loser who is told the state from before its wait."""

    def answer(status: int, body: str) -> Answer:
        return Answer(status, {}, body.encode(), 0)

    won = answer(200, '{"status": "accepted", "allowed": ["dispatch"]}')
    late = '{"code": "invalid_transition", "current_status": "%s", "allowed": ["dispatch"]}'
    told_the_truth([won, answer(409, late % "accepted")], "accepted")
    with pytest.raises(AssertionError):
        told_the_truth([won, answer(409, late % "submitted")], "accepted")
