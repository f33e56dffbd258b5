"""`python -m app.bench`: what `scripts/bench` runs.

Exit code 1 when an operation grows too much, or an answer was wrong; a ratio that is missed is a measurement like any other.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

import uvloop

import app.tables  # noqa: F401 - fills the metadata before the first statement
from app import clock
from app.bench import growth, ledger, ratios, speed
from app.bench.growth import Effort, Growth
from app.bench.load import Refused
from app.bench.ratios import Plan
from app.bench.script import Unlike
from app.bench.sites import NoRoom, Volume, founded, generated
from app.bench.speed import Speed
from app.demo.telling import Different

SMALL, LARGE = 10_000, 1_000_000
SHORT, LONG = 100_000, 10_000_000
FULL, TINY = Volume(600, 10_000, 60_000), Volume(60, 600, 6_000)
QUICK = Plan(seconds=1.0, repetitions=3, items=64, few=16)
KEPT = Path("data/bench.jsonl")


def main() -> int:
    chosen = _parser().parse_args()
    signal.signal(signal.SIGTERM, _stopped)
    try:
        if not (chosen.growth or chosen.growth_ledger or chosen.speed):
            return _ratios(chosen)
        found = _speed(chosen) if chosen.speed else _growth(chosen)
    except (Different, NoRoom, ExceptionGroup, Refused, Unlike) as reason:
        sys.stderr.write(f"\n✗ {_first(reason)}\n")
        return 1
    if chosen.json:
        chosen.json.write_text("".join(json.dumps(one.figures, ensure_ascii=False) + "\n" for one in found))
    return 0 if all(not isinstance(one, Growth) or one.passed for one in found) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="同一台机器上比较三者：本服务、只执行相同语句的最简服务、pgbench（默认）；或测量数据增长时的变化"
    )
    parser.add_argument("--quick", action="store_true", help="同样的比较，数据少、时间短")
    parser.add_argument("--speed", action="store_true", help="只测本服务，小数据量：每秒请求数、p50、p99")
    parser.add_argument("--growth", action="store_true", help="小、大两份数据交替测量，比值应不超过 1.5")
    parser.add_argument("--growth-ledger", action="store_true", help="同上，按积分流水的条数")
    parser.add_argument("--small", type=int, metavar="N", help=f"{SMALL} reports, or {SHORT} entries")
    parser.add_argument("--large", type=int, metavar="N", help=f"{LARGE} reports, or {LONG} entries")
    parser.add_argument("--seconds", type=float, help="每次测量的时长")
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--items", type=int, metavar="N", help="比较时每次测量的写操作个数，每个只用一次")
    parser.add_argument("--connections", type=int, nargs="+", metavar="N", help="比较时的连接数")
    parser.add_argument("--only", default="", metavar="WORD", help="只测名称里有这个词的操作")
    parser.add_argument("--json", type=Path, metavar="FILE", help=f"每项操作写一行 JSON（比较时默认追加到 {KEPT}）")
    parser.add_argument("--small-database", metavar="URL", help="已生成的小数据库（密钥在 XINXIN_DATA_DIR）")
    parser.add_argument("--large-database", metavar="URL", help="已生成的大数据库")
    return parser


def _ratios(chosen: argparse.Namespace) -> int:
    base = QUICK if chosen.quick else Plan()
    asked = {name: getattr(chosen, name) for name in ("seconds", "repetitions", "items", "connections") if getattr(chosen, name)}
    plan, began = replace(base, only=chosen.only, **asked), clock.now()
    with founded("ratios", TINY if chosen.quick else FULL, kept=None, tell=say, durable=True) as ground:
        totals = ratios.measure(ground, plan, say)
    say("\n" + "\n".join(totals.told()))
    run = {"run": began.isoformat(), "load": os.getloadavg()[0], "quick": chosen.quick}
    path: Path = chosen.json or KEPT
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as kept:
        kept.writelines(json.dumps(run | one, ensure_ascii=False) + "\n" for one in totals.figures())
    return 0


def _speed(chosen: argparse.Namespace) -> Sequence[Speed]:
    with generated("small", Volume.of_reports(chosen.small or SMALL), kept=chosen.small_database, tell=say) as site:
        found = uvloop.run(speed.measure(site, _effort(chosen), say))
    say("\n".join(speed.told(found)))
    return found


def _growth(chosen: argparse.Namespace) -> Sequence[Growth]:
    few, many = (SHORT, LONG) if chosen.growth_ledger else (SMALL, LARGE)
    volume, measure = (Volume.of_entries, ledger.measure) if chosen.growth_ledger else (Volume.of_reports, growth.measure)
    with (
        generated("large", volume(chosen.large or many), kept=chosen.large_database, tell=say) as large,
        generated("small", volume(chosen.small or few), kept=chosen.small_database, tell=say) as small,
    ):
        found = uvloop.run(measure(small, large, _effort(chosen), say))
    say("\n".join(growth.told(found)))
    return found


def _effort(chosen: argparse.Namespace) -> Effort:
    usual = Effort()
    return Effort(seconds=chosen.seconds or usual.seconds, repetitions=chosen.repetitions or usual.repetitions, only=chosen.only)


def _first(reason: BaseException) -> BaseException:
    return _first(reason.exceptions[0]) if isinstance(reason, BaseExceptionGroup) else reason


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _stopped(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
