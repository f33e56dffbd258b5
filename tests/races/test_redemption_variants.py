"""The known-bad variants of the races of redemption: what a naive till does is refused by the very judges that the service passes."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from tests.races.judges import each_at_most_once, one_answer, one_body, one_effect, one_end, one_winner, so_many_winners, stopped_after
from tests.races.lock_log import SECOND, LockLog, nobody_waited
from tests.races.naive import CONTENDERS, scratch
from tests.support.service import Service, until
from tests.support.volley import Answer

ENDS = ("verified", "cancelled", "expired")


def issued(seen: Any) -> bool:
    return bool(seen == "issued")


def answers(outcomes: Sequence[str], replayed: bool = False) -> list[Answer]:
    """What a service would say that gave each effect an answer of its own."""
    headers = {"retry-after": "1"} | ({"idempotency-replayed": "true"} if replayed else {})
    bodies = [{"verification_id": number} if outcome == "ok" else {"code": outcome} for number, outcome in enumerate(outcomes)]
    return [Answer(200 if "code" not in body else 409, headers, json.dumps(body).encode(), 0) for body in bodies]


async def test_naive_ends_all_win(service: Service) -> None:
    """Cancel, verify and expire each read that the order is live, and then each end it."""
    async with scratch(service.database_url, "status text", "'issued'") as table:
        writes = [f"update {{table}} set status = '{end}'" for end in ENDS]
        heard = await table.race("select status from {table}", may=issued, writes=writes, loser="invalid_transition")
    ends = {end: heard[number :: len(ENDS)] for number, end in enumerate(ENDS)}
    for status in ENDS:
        with pytest.raises(AssertionError):
            one_end(ends, status)


async def test_naive_undo_gives_back_for_each(service: Service) -> None:
    async with scratch(service.database_url, "undone boolean", "false") as table:
        heard = await table.race(
            "select undone from {table}", may=lambda seen: not seen, writes=["update {table} set undone = true"], loser="already_undone"
        )
    with pytest.raises(AssertionError):
        one_winner(heard, "already_undone")


async def test_naive_limit_counts_before_it_writes(service: Service) -> None:
    async with scratch(service.database_url, "ordered int", "0") as table:
        heard = await table.race(
            "select count(*) from {table} where ordered = 1", may=lambda seen: seen == 0, writes=["insert into {table} values (1)"],
            loser="limit_reached",
        )
    with pytest.raises(AssertionError):
        so_many_winners(heard, 1, "limit_reached", left=0)


@pytest.mark.variant("S03")
async def test_naive_key_answers_each_anew(service: Service) -> None:
    """Neither the effects nor the answers are one; nor are they where a second answer calls itself the first one's."""
    async with scratch(service.database_url, "key text", "'another'") as table:
        heard = await table.race(
            "select count(*) from {table} where key = 'one'", may=lambda seen: seen == 0, writes=["insert into {table} values ('one')"],
            loser="request_in_progress",
        )
        effects = await table.value("select count(*) from {table} where key = 'one'")
    with pytest.raises(AssertionError):
        one_effect(heard, effects)
    for replayed in (False, True):
        with pytest.raises(AssertionError):
            one_answer(answers(heard, replayed))


@pytest.mark.variant("S03")
async def test_naive_key_takes_any_body(service: Service) -> None:
    """The key is remembered, but not what it stood for: every body is told that it was done."""
    async with scratch(service.database_url, "key text", "'one'") as table:
        heard = await table.race("select key from {table}", may=lambda seen: seen == "one", writes=["select 1"], loser="")
        effects = await table.value("select count(*) from {table}")
    with pytest.raises(AssertionError):
        one_body(heard, effects)


@pytest.mark.variant("S32")
async def test_naive_throttle_counts_what_it_has_read(service: Service) -> None:
    """Everybody reads that nobody has guessed; a counter of the whole county's stops another store."""
    async with scratch(service.database_url, "guess int", "0") as table:
        heard = await table.race(
            "select count(*) from {table} where guess = 1", may=lambda seen: seen < 10, writes=["insert into {table} values (1)"],
            loser="too_many_attempts",
        )
    right = ["code_not_found"] * 10 + ["too_many_attempts"] * (CONTENDERS - 10)
    stopped_after(right, 10, ["ok"])
    forgotten = [*right, "ok"]  # a counter that dies with its process
    for outcomes, elsewhere in ((heard, ["ok"]), (right, ["too_many_attempts"]), (forgotten, ["ok"])):
        with pytest.raises(AssertionError):
            stopped_after(outcomes, 10, elsewhere)


async def test_naive_upload_uses_a_scan_again(service: Service) -> None:
    async with scratch(service.database_url, "used boolean", "false") as table:
        heard = await table.race(
            "select used from {table}", may=lambda seen: not seen, writes=["update {table} set used = true"], loser="already_verified"
        )
    with pytest.raises(AssertionError):
        each_at_most_once({"one code": answers(heard)})
    with pytest.raises(AssertionError):
        each_at_most_once({"one code": answers(["already_verified"] * CONTENDERS)})


async def test_a_row_that_is_held_for_a_second_is_in_the_log(service: Service, lock_log: LockLog) -> None:
    """A till that asks somebody else while it holds the order's row: who waits for it is written down, and the judge finds it."""
    lock_log.judge()
    async with scratch(service.database_url, "status text", "'issued'") as table:
        holder, waiter = [await asyncpg.connect(service.database_url) for _ in range(2)]
        try:
            async with holder.transaction():
                await holder.execute(f"update {table.table} set status = 'verified'")
                waiting = asyncio.create_task(waiter.execute(f"update {table.table} set status = 'cancelled'"))
                await asyncio.to_thread(until, lambda: any("still waiting" in line for line in lock_log.lines), 30, "said in the log")
            await waiting
        finally:
            await asyncio.gather(holder.close(), waiter.close())
    with pytest.raises(AssertionError):
        nobody_waited(lock_log.lines, SECOND)
    lock_log.begin()
