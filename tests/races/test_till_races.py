"""What many tills do at once: wrong codes, late scans. Afterwards the books are clean."""

import asyncio
import os
import signal
import socket
from collections import defaultdict
from uuid import uuid4

import pytest

from app.redemptions import codes
from tests.races.judges import each_at_most_once, stopped_after
from tests.races.shopping import Counter, some_at_a_time
from tests.support.service import Service, lives, until
from tests.support.volley import Answer

GUESSES, MOST, CLERKS = 24, 10, 12
pytestmark = pytest.mark.usefixtures("clean_books")


@pytest.mark.check("S32", part=True)
async def test_ten_wrong_codes_stop_that_store_only_and_for_longer_than_a_process_lives(counter: Counter) -> None:
    """A wrong code is called wrong ten times, to however many clerks at once. The right code waits too; another store does not."""
    store_id = await counter.store()
    rider, clerks = await counter.rider(), await counter.clerks(CLERKS, store_id)
    here, there = [await counter.orders(rider, 1, store_ids=[one]) for one in (store_id, counter.world.store_id)]
    wrong = [counter.verify(clerks[n % CLERKS], codes.draw(), store_id=store_id) for n in range(GUESSES)]
    guessed = await counter.at_once(wrong)
    elsewhere = await counter.world.clerks[0].post("/redemptions/verify", {"store_id": counter.world.store_id, "code": there[0]["code"]})
    told = ["ok" if elsewhere.status_code == 200 else elsewhere.text]
    stopped_after([answer.outcome for answer in guessed], MOST, told)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in guessed if answer.status == 429)
    await _restarted(counter.world.service)
    till = {"store_id": store_id, "code": here[0]["code"]}
    after = [(await clerk.post("/redemptions/verify", till)).json().get("code", "ok") for clerk in clerks[:3]]
    stopped_after([*[answer.outcome for answer in guessed], *after], MOST, told)


async def _restarted(service: Service) -> None:
    """Both API processes are killed, and others answer in their place."""
    victims = service.api_workers()
    for victim in victims:
        os.kill(victim, signal.SIGKILL)

    def replaced() -> bool:
        return not any(lives(victim) for victim in victims) and len(set(service.api_workers()) - set(victims)) == 2

    def both_accept() -> bool:
        lines = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(CLERKS)]
        try:
            return len(set(service.holders([line.getsockname()[1] for line in lines]).values())) == 2
        finally:
            for line in lines:
                line.close()

    await asyncio.to_thread(until, replaced, 60, "two other workers")
    await asyncio.to_thread(until, both_accept, 120, "both hold connections")


async def test_thirty_late_scans_are_used_once_each(counter: Counter) -> None:
    """Two clerks' phones have kept what they scanned: each uploads all of it twice, under one key each, and both at once."""
    riders, clerks, reward = await counter.riders(10), counter.world.clerks[:2], await counter.world.reward()
    shots = []
    for order in await some_at_a_time([lambda rider=rider: rider.orders(reward["id"]) for rider in riders * 3]):  # type: ignore[misc]
        for clerk in clerks:
            shots += [(order["code"], counter.verify(clerk, order["code"], key=key)) for key in [uuid4().hex] * 2]
    uploads: dict[str, list[Answer]] = defaultdict(list)
    for _ in range(2):
        answers = await counter.at_once([one for _, one in shots])
        for (code, _), answer in zip(shots, answers, strict=True):
            uploads[code].append(answer)
    each_at_most_once(uploads)
    assert sum(answer.outcome == "ok" for answers in uploads.values() for answer in answers[4:]) == 60, "the winner's key twice, again"
    for rider in riders:
        assert ((standing := await rider.points())["available"], standing["held"]) == (70, 0)
