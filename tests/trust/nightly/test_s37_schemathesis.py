"""S37: all phases and checks of Schemathesis against a really started service, by callers of each role, with a fixed and a random seed."""

import asyncio
import secrets
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import schemathesis
from schemathesis import hooks, openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from tests.robustness.drawn import KEY, OPINIONS, Ground, said
from tests.support.newcomer import API, Caller, World, county_of
from tests.support.service import Service, running_service

FIXED, CASES = 37, 50_000
SECONDS = 115  # for each role and seed: twelve runs end within 24 minutes
ENDS = r"^/api/v1/(auth/(logout|sessions/)|members/me$)"  # by these a caller would end himself; the push has somebody new call each of them


@dataclass
class Told:
    """What a run has shown: requests by status, and each fault by check and operation with the first case that showed it."""

    ground: Ground
    cases: int = 0
    phases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    opinions: Counter[str] = field(default_factory=Counter)
    faults: dict[tuple[str, str], str] = field(default_factory=dict)

    def hear(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.NonFatalError):
            told = "".join(traceback.format_exception(event.value))
            self.faults.setdefault(("error", event.label), " ".join(told.split())[-2_000:])
        if not isinstance(event, events.ScenarioFinished):
            return
        recorder = event.recorder
        self.cases += len(recorder.interactions)
        self.phases[event.phase.value] += len(recorder.interactions)
        self.statuses.update(sent.response.status_code for sent in recorder.interactions.values() if sent.response)
        for case_id, checked in recorder.checks.items():
            for check in (check for check in checked if check.status is Status.FAILURE and check.failure_info is not None):
                if check.name in OPINIONS or self._is_none(check.name, recorder.interactions[case_id].request):
                    self.opinions[check.name] += 1
                    continue
                why = f"{' '.join(said(check.failure_info.failure).split())[:400]} | {check.failure_info.code_sample[:400]}"
                self.faults.setdefault((check.name, recorder.cases[case_id].value.operation.label), why)

    def figures(self) -> dict[Any, int]:
        return {"cases": self.cases} | self.phases | self.opinions | dict(sorted(self.statuses.items()))

    def _is_none(self, check: str, request: Any) -> bool:
        """A case that is another one than the check takes it for: the method is that of another path, which the name fits too; or the
        caller's own header has been put where a case leaves it out (without a caller it stays away)."""
        if check == "missing_required_header":
            return any(name.lower() == "authorization" for name in request.headers)
        return check == "unsupported_method" and self.ground.has(request.method, urlsplit(request.uri).path)

    def __str__(self) -> str:
        return "\n".join(f"{check} {label}: {why}" for (check, label), why in sorted(self.faults.items())[:80])


@contextmanager
def fresh_keys() -> Iterator[None]:
    """A well-formed Idempotency-Key is no other request's: else all but the first would be answered from memory."""

    def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
        if 8 <= len((case.headers or {}).get(KEY) or "") <= 128:
            case.headers[KEY] = uuid4().hex

    schemathesis.hook(before_call)
    try:
        yield
    finally:
        hooks.unregister_all()


def run(url: str, headers: dict[str, str], *, seed: int, seconds: int, ids: dict[str, str]) -> Told:
    """One caller's run. It knows half of the time what the things that exist are called, and finds the rest in the answers it gets.

    By one thread: what the tool says of a strategy it reads from the syntax of its source, which CPython 3.11 cannot do in two at once.
    """
    config = SchemathesisConfig.from_dict({
        "seed": seed, "max-time": seconds, "base-url": url, "headers": headers, "workers": 1, "continue-on-failure": True,
        "request-timeout": 30, "generation": {"no-shrink": True, "database": "none"},
        "dictionaries": {name: {"values": [value]} for name, value in ids.items()},
        "parameters": {f"path.{name}": {"dictionary": name, "probability": 0.5} for name in ids},
    })
    whole = openapi.from_url(f"{url}/openapi.json", config=config)
    told, schema = Told(Ground(whole.raw_schema)), whole.exclude(path_regex=ENDS)
    with fresh_keys():
        for event in from_schema(schema).execute():
            told.hear(event)
    return told


def cast(world: World, rider: Caller) -> dict[str, Caller | None]:
    staff = {"worker": world.worker, "reviewer": world.reviewers[0], "admin": world.admin, "console": world.chief}
    return {"nobody": None, "rider": rider} | staff


async def ids_of(world: World, rider: Caller) -> dict[str, str]:
    """What things that exist are called in paths."""
    report = await rider.files()
    reward = await world.reward()
    return {
        "report_id": report["id"], "reward_id": reward["id"], "redemption_id": (await rider.orders(reward["id"]))["id"],
        "store_id": world.store_id, "organisation_id": world.organisation_id, "area_id": world.areas["grid"], "member_id": rider.id,
        "upload_id": await rider.photo(), "category_code": "bin_overflow", "month": "2026-11", "year": "2026", "quarter": "1",
    }


@pytest.mark.check("S37", tier="N")
async def test_nothing_undocumented_happens(measured: Callable[..., None]) -> None:
    total, faults, drawn = 0, dict[str, str](), secrets.randbelow(10**9)
    with running_service() as service:
        async with county_of(service) as world:
            rider = await world.rider(points=500)
            ids = await ids_of(world, rider)
            for seed in (FIXED, drawn):
                for role, caller in cast(world, rider).items():
                    headers = await renewed(caller) if caller else {}
                    told = await asyncio.to_thread(run, service.url, headers, seed=seed, seconds=SECONDS, ids=ids)
                    measured(f"{role}, seed {seed}", told.figures())
                    total += told.cases
                    faults |= {f"{role}, seed {seed}": str(told)} if told.faults else {}
        unforeseen(service)
    measured("cases", total)
    assert not faults, "\n\n".join(f"{who}:\n{what}" for who, what in faults.items())
    assert total >= CASES, total


async def renewed(caller: Caller) -> dict[str, str]:
    """A token lasts a quarter of an hour, and all runs together take twice that."""
    answer = await caller.http.post(f"{API}/auth/refresh", json={"refresh_token": caller.tokens["refresh_token"]})
    assert answer.status_code == 200, answer.text
    caller.tokens |= answer.json()
    return caller.headers


def unforeseen(service: Service) -> None:
    """What nobody foresaw stands in the log, whatever its answer was taken for."""
    lines = [line for line in service.log.read_text(errors="replace").splitlines() if "request.failed" in line]
    assert not lines, "\n".join(lines[:10])
