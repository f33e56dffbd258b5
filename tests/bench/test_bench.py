"""The pieces that figures are made of: what is sent, what is counted, what a plan says."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.bench import growth, load, plans
from app.bench.growth import Heard
from app.bench.load import Load, Refused
from app.bench.operations import Callers, Operation
from app.bench.plans import Statement
from app.bench.sites import Volume

LOG = """LOG:  duration: 1.250 ms  plan:
\t{
\t  "Query Text": "select from report where id = $1",
\t  "Plan": {
\t    "Node Type": "Nested Loop", "Shared Hit Blocks": 7, "Shared Read Blocks": 1,
\t    "Plans": [{"Node Type": "Seq Scan", "Relation Name": "%s"},
\t              {"Node Type": "Index Scan", "Relation Name": "area", "Index Name": "pk_area"}]
\t  }
\t}
LOG:  something else
"""


@asynccontextmanager
async def _server(*answers: bytes) -> AsyncIterator[str]:
    """Gives the answers in turn, over however many connections."""
    given = itertools.cycle(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(load._length(head))
            writer.write(next(given))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_every_answer_counts_until_the_requests_are_used_up() -> None:
    async with _server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as url:
        sent = load.request(url, "POST", "/x", token="t", body={"a": 1}, key="k" * 8)
        found = await load.drive(url, iter([sent] * 7), connections=3, seconds=60)
        assert len(found.times) == 7 and found.at(0.5) > 0 and found.rate > 0
        assert await load.answers(url, [sent, sent]) == [b"{}", b"{}"]


async def test_another_status_is_no_measurement() -> None:
    async with _server(b"HTTP/1.1 429 Too Many\r\ncontent-length: 4\r\n\r\nslow") as url:
        with pytest.raises(Refused, match="429 slow"):
            await load.answers(url, [load.request(url, "GET", "/x", token="t")])


def test_several_people_ask_in_turn() -> None:
    callers = Callers("http://test", {"one": "t1", "two": "t2"})
    asked = [one.wire for one in callers.requests(Operation("both", "one", ["/a", "/b"], ["two"]))]
    assert [(wire.split()[1], wire.split(b"Bearer ")[1][:2]) for wire in asked] == [
        (b"/api/v1/a", b"t1"), (b"/api/v1/a", b"t2"), (b"/api/v1/b", b"t1"), (b"/api/v1/b", b"t2"),
    ]


def test_a_ledger_grows_by_members_and_not_by_what_each_has() -> None:
    short, long = Volume.of_entries(100_000), Volume.of_entries(10_000_000)
    assert long.members == 100 * short.members and short.entries / short.members == long.entries / long.members
    assert Volume.of_reports(10_000).entries == 0


def test_percentiles() -> None:
    found = Load([float(one) for one in range(100, 0, -1)], 2.0)
    assert (found.at(0.5), found.at(0.99), found.rate) == (51.0, 100.0, 50.0)


@pytest.mark.parametrize(("table", "scanned"), [("report_event", ("report_event",)), ("report_category", ())])
def test_a_table_that_grows_and_is_read_whole_is_noticed(table: str, scanned: tuple[str, ...]) -> None:
    [told] = plans._parsed(LOG % table)
    assert (told.ms, told.pages, told.scanned) == (1.25, 8, scanned)
    assert told.nodes == ("Nested Loop", f"Seq Scan {table}", "Index Scan pk_area")


def test_growth_is_a_ratio_and_an_exponent() -> None:
    grown, same = (growth.compared("one", Heard(2.0, 10), Heard(large, 12), 100, []) for large in (20.0, 3.0))
    read = growth.compared("one", Heard(2.0, 10), Heard(3.0, 12), 100, [Statement(0.1, ("Index Scan pk_report",), (), 3, "select")])
    assert (grown.ratio, grown.exponent, grown.passed) == (10.0, 0.5, False)
    assert same.passed and "PASS" in same.line and same.line.endswith("-") and read.line.endswith("on indexes")
