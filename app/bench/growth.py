"""The same operations over little and over much data, in turn, so that what else the machine does is the same for both."""

import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from app.bench import load, operations, plans
from app.bench.operations import Operation
from app.bench.plans import Statement
from app.bench.sites import Site

MOST = 1.5  # performance.md: no operation may grow beyond it
READS = ("Scan",)
WARMING = 8
Asking = Callable[[Site], Awaitable[list[Operation]]]


@dataclass(frozen=True, slots=True)
class Heard:
    """The median time of an answer, and its length."""

    ms: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Effort:
    """How it is measured, and which operations: those whose names hold `only`."""

    connections: int = 8
    seconds: float = 2.0
    repetitions: int = 3
    only: str = ""


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians in milliseconds and bytes of an answer, and what the database did over much data.

    An answer that is longer because there is more to tell takes longer to write, whatever the database does.
    """

    operation: str
    small_ms: float
    large_ms: float
    small_bytes: float
    large_bytes: float
    ratio: float
    exponent: float
    passed: bool
    statements_ms: float
    statements: list[Statement]

    @property
    def line(self) -> str:
        verdict = "PASS" if self.passed else "FAIL"
        scanned = sorted({table for one in self.statements for table in one.scanned})
        indexed = f"Seq Scan: {', '.join(scanned)}" if scanned else "on indexes" if self.statements else "-"
        return (
            f"{self.operation:30} {self.small_ms:8.1f} {self.large_ms:8.1f} {self.ratio:7.2f} {self.exponent:6.2f}  {verdict}"
            f"  {self.small_bytes / 1_000:5.1f} {self.large_bytes / 1_000:5.1f}  {self.statements_ms:8.1f}  {indexed}"
        )

    @property
    def figures(self) -> dict[str, Any]:
        return asdict(self)


HEAD = f"{'operation':30} {'small ms':>8} {'large ms':>8} {'ratio':>7} {'exp':>6}  ≤ 1.5 {'kB':>5} {'kB':>5}  {'SQL ms':>8}  plans at large"


async def measure(
    small: Site, large: Site, effort: Effort, tell: Callable[[str], None], *, asking: Asking = operations.reading
) -> list[Growth]:
    """Each repetition goes through all operations, both sites one after the other for each."""
    sites = (small, large)
    asked = {site.name: {one.name: one for one in await asking(site) if effort.only in one.name} for site in sites}
    found: defaultdict[tuple[str, str], list[Heard]] = defaultdict(list)
    for turn in range(effort.repetitions):
        for name in asked[small.name]:
            for site in sites[:: 1 if turn % 2 else -1]:
                found[site.name, name].append(await _heard(site, asked[site.name][name], effort))
        tell(f"repetition {turn + 1} of {effort.repetitions} done")
    explained, times = await _explained(large, list(asked[large.name].values())), large.size / small.size
    return [
        compared(name, middle(found[small.name, name]), middle(found[large.name, name]), times, explained[name])
        for name in asked[small.name]
    ]


async def _heard(site: Site, operation: Operation, effort: Effort) -> Heard:
    callers = await operations.sign_in(site, operation.people)
    requests = callers.requests(operation)
    bodies = await load.answers(site.url, requests[:WARMING])
    found = await load.drive(site.url, callers.cycle(operation), connections=effort.connections, seconds=effort.seconds)
    return Heard(found.at(0.5), median(map(len, bodies)))


def middle(found: Sequence[Heard]) -> Heard:
    return Heard(median(one.ms for one in found), median(one.bytes for one in found))


async def _explained(site: Site, asked: Sequence[Operation]) -> dict[str, list[Statement]]:
    await plans.explain(site, on=True)
    try:
        callers = await operations.sign_in(site, sorted({name for one in asked for name in one.people}))
        return {one.name: await plans.statements(site, callers.requests(one)[0]) for one in asked}
    finally:
        await plans.explain(site, on=False)


def compared(name: str, small: Heard, large: Heard, times: float, explained: list[Statement]) -> Growth:
    ratio, took = large.ms / small.ms, sum(one.ms for one in explained)
    return Growth(
        name, round(small.ms, 2), round(large.ms, 2), small.bytes, large.bytes, round(ratio, 3), round(math.log(ratio, times), 3),
        ratio <= MOST, round(took, 2), explained,
    )


def told(found: Sequence[Growth]) -> Iterator[str]:
    """The table, then how each operation reads."""
    yield HEAD
    yield from (one.line for one in found)
    for one in found:
        yield f"\n{one.operation}"
        for statement in one.statements:
            reads = ", ".join(dict.fromkeys(node for node in statement.nodes if any(word in node for word in READS)))
            yield f"  {statement.ms:7.1f} ms {statement.pages:6} pages  {reads}"
