"""`python -m app.bench`: what `scripts/bench` runs. Exit code 1 when an operation grows too much, or could not be measured."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import uvloop

import app.tables  # noqa: F401 - fills the metadata before the first statement
from app.bench import growth, ledger, quick
from app.bench.growth import Effort, Growth
from app.bench.load import Refused
from app.bench.quick import Speed
from app.bench.sites import NoRoom, Volume, generated
from app.demo.telling import Different

SMALL, LARGE = 10_000, 1_000_000
SHORT, LONG = 100_000, 10_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="测量各项操作的速度，以及数据增长时的变化")
    parser.add_argument("--quick", action="store_true", help="只测小数据量：每秒请求数、p50、p99")
    parser.add_argument("--growth", action="store_true", help="小、大两份数据交替测量，比值应不超过 1.5（默认）")
    parser.add_argument("--growth-ledger", action="store_true", help="同上，按积分流水的条数")
    parser.add_argument("--small", type=int, metavar="N", help=f"{SMALL} reports, or {SHORT} entries")
    parser.add_argument("--large", type=int, metavar="N", help=f"{LARGE} reports, or {LONG} entries")
    parser.add_argument("--seconds", type=float, default=Effort().seconds, help="每次测量的时长")
    parser.add_argument("--repetitions", type=int, default=Effort().repetitions)
    parser.add_argument("--only", default="", metavar="WORD", help="只测名称里有这个词的操作")
    parser.add_argument("--json", type=Path, metavar="FILE", help="每项操作写一行 JSON")
    parser.add_argument("--small-database", metavar="URL", help="已生成的小数据库（密钥在 XINXIN_DATA_DIR）")
    parser.add_argument("--large-database", metavar="URL", help="已生成的大数据库")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, _stopped)
    try:
        found = _quick(chosen) if chosen.quick else _growth(chosen)
    except (Different, NoRoom, ExceptionGroup, Refused) as reason:
        sys.stderr.write(f"\n✗ {_first(reason)}\n")
        return 1
    if chosen.json:
        chosen.json.write_text("".join(json.dumps(one.figures, ensure_ascii=False) + "\n" for one in found))
    return 0 if all(not isinstance(one, Growth) or one.passed for one in found) else 1


def _quick(chosen: argparse.Namespace) -> Sequence[Speed]:
    with generated("small", Volume.of_reports(chosen.small or SMALL), kept=chosen.small_database, tell=say) as site:
        found = uvloop.run(quick.measure(site, _effort(chosen), say))
    say("\n".join(quick.told(found)))
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
    return Effort(seconds=chosen.seconds, repetitions=chosen.repetitions, only=chosen.only)


def _first(reason: BaseException) -> BaseException:
    return _first(reason.exceptions[0]) if isinstance(reason, BaseExceptionGroup) else reason


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _stopped(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
