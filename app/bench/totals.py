"""What was measured, as a table and as ratios beside the goals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

from app.bench.load import Load
from app.bench.measured import Measured
from app.bench.processes import Memory

OURS = "service"
PEERS = (OURS, "bare", "pgbench")
MOST_MEGABYTES, MOST_SPREAD, SPREAD_AT = 150, 5.0, 32
HEAD = f"{'operation':28} {'conn':>4} {'peer':8} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>7} {'PG ms':>7} {'jobs ms':>8}"
RATIO_HEAD = f"{'operation':28} {'conn':>4} {'service : bare':>15} {'service : pgbench':>18} {'p99 : p50':>10}  goal"


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement, or the median of several. CPU is milliseconds a request: of the workers, of the database's processes, and of both
    the job worker and the database for what the request leaves to be done after it."""

    operation: str
    peer: str
    connections: int
    rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    database_ms: float
    requests: int
    jobs_ms: float = 0.0

    @classmethod
    def of(cls, operation: str, peer: str, connections: int, load: Load, cpu: float, database: float) -> Self:
        count = len(load.times)
        return cls(
            operation, peer, connections, load.rate, load.at(0.5), load.at(0.99), cpu * 1_000 / count, database * 1_000 / count, count
        )

    @property
    def line(self) -> str:
        cpu = f"{self.cpu_ms:7.2f}" if self.peer != "pgbench" else f"{'–':>7}"
        return (
            f"{self.operation:28} {self.connections:4} {self.peer:8} {self.rate:8.1f} {self.p50_ms:8.2f} {self.p99_ms:8.2f} {cpu} "
            f"{self.database_ms:7.2f} {f'{self.jobs_ms:8.2f}' if self.jobs_ms else ''}"
        ).rstrip()


@dataclass(frozen=True, slots=True)
class Ratio:
    """`pgbench` is None where its statements do not go through."""

    operation: str
    connections: int
    bare: float
    pgbench: float | None
    spread: float
    goal: float | None

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.bare >= self.goal

    @property
    def line(self) -> str:
        verdict = "" if self.met is None else f"≥ {self.goal:.2f} {'met' if self.met else 'missed'}"
        if self.connections == SPREAD_AT and self.spread > MOST_SPREAD:
            verdict = f"{verdict}  p99 ≤ {MOST_SPREAD:g} × p50 missed".strip()
        pgbench = "–" if self.pgbench is None else f"{self.pgbench:.2f}"
        return f"{self.operation:28} {self.connections:4} {self.bare:15.2f} {pgbench:>18} {self.spread:10.1f}  {verdict}".rstrip()


@dataclass(frozen=True, slots=True)
class Totals:
    chosen: Sequence[Measured]
    results: Sequence[Result]
    memory: Mapping[str, Sequence[Memory]]
    reasons: Mapping[str, str]

    @property
    def medians(self) -> list[Result]:
        """Of the repetitions, in the order of the operations."""
        keys = sorted({(one.connections, one.peer) for one in self.results}, key=lambda key: (key[0], PEERS.index(key[1])))
        found = []
        for chosen in self.chosen:
            for connections, peer in keys:
                mine = [one for one in self.results if (one.operation, one.connections, one.peer) == (chosen.name, connections, peer)]
                if mine:
                    found.append(_median(mine))
        return found

    @property
    def ratios(self) -> list[Ratio]:
        goals = {one.name: one.goal for one in self.chosen}
        by_key = {(one.operation, one.connections, one.peer): one for one in self.medians}
        made = []
        for (operation, connections, peer), ours in by_key.items():
            bare = by_key.get((operation, connections, "bare"))
            if peer != OURS or bare is None:
                continue
            pgbench = by_key.get((operation, connections, "pgbench"))
            made.append(Ratio(
                operation, connections, ours.rate / bare.rate, None if pgbench is None else ours.rate / pgbench.rate,
                ours.p99_ms / ours.p50_ms, goals[operation],
            ))
        return made

    def told(self) -> Iterator[str]:
        yield HEAD
        yield from (one.line for one in self.medians)
        yield "\n" + RATIO_HEAD
        yield from (one.line for one in self.ratios)
        for operation, reason in self.reasons.items():
            yield f"–: {operation} by pgbench: {reason}"
        yield ""
        for peer, several in self.memory.items():
            shown = ", ".join(f"{one.rss:.0f} MB RSS / {one.pss:.0f} MB PSS" for one in several)
            most = max((one.pss for one in several), default=0.0)  # RSS counts what forked processes share for each of them
            goal = f"  ≤ {MOST_MEGABYTES} MB {'met' if most <= MOST_MEGABYTES else 'missed'}" if peer == OURS else ""
            yield f"memory of each worker, {peer}: {shown}{goal}"

    def figures(self) -> Iterator[dict[str, Any]]:
        """Lines of JSON."""
        yield from ({"kind": "result"} | asdict(one) for one in self.medians)
        yield from ({"kind": "ratio", "met": one.met} | asdict(one) for one in self.ratios)
        yield from ({"kind": "memory", "peer": peer, "workers": [asdict(one) for one in several]} for peer, several in self.memory.items())


def _median(several: Sequence[Result]) -> Result:
    first = several[0]
    middle = {
        name: round(median(getattr(one, name) for one in several), 3)
        for name in ("rate", "p50_ms", "p99_ms", "cpu_ms", "database_ms", "jobs_ms")
    }
    return Result(first.operation, first.peer, first.connections, **middle, requests=sum(one.requests for one in several))
