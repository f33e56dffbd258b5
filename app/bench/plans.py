"""How the database did it: the plans of all statements of one call, as auto_explain writes them into the server's log."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import sqlalchemy as sa

from app.bench import load
from app.bench.load import Request
from app.bench.sites import Site

# Tables that grow with the reports or with the ledger: none of them may be read from end to end.
GROWING = frozenset({
    "points_transaction", "points_entry", "points_lot", "points_award", "points_balance", "redemption", "verification", "message",
    "settlement_line",
    "report", "report_event", "report_clock", "report_text", "report_join", "report_gram", "report_fact", "report_summary", "report_hours",
    "report_cell", "upload", "audit_event",
})
SETTINGS = {
    "session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0", "auto_explain.log_format": "json",
    "auto_explain.log_analyze": "on", "auto_explain.log_buffers": "on", "auto_explain.log_timing": "off",
}
PLAN = re.compile(r"duration: ([\d.]+) ms  plan:\n(\t\{.*?\n\t\})$", re.DOTALL | re.MULTILINE)
ABOUT = ("report", "points", "redemption", "message")  # what else a call does, such as finding its session, does not grow
WRITTEN_AFTER = 0.3  # seconds


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: milliseconds, what was read how, pages touched, its text."""

    ms: float
    nodes: tuple[str, ...]
    scanned: tuple[str, ...]
    pages: int
    text: str


async def explain(site: Site, on: bool) -> None:
    """Whether new connections to this database write plans; those that are there are ended, and the pool opens others."""
    connection = await asyncpg.connect(site.database)
    try:
        name = sa.make_url(site.database).database
        for setting, value in SETTINGS.items():
            await connection.execute(f'alter database "{name}" {f"set {setting} = {value!r}" if on else f"reset {setting}"}')
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'xinxin-api'", name
        )
    finally:
        await connection.close()


async def statements(site: Site, request: Request) -> list[Statement]:
    """Of one call. It is made often enough before that prepared statements have settled on their plans."""
    for _ in range(2):
        await load.answers(site.url, [request] * 8)
    begins = site.server_log.stat().st_size
    await load.answers(site.url, [request])
    await asyncio.sleep(WRITTEN_AFTER)
    with site.server_log.open("rb") as log:
        log.seek(begins)
        written = log.read().decode(errors="replace")
    return [one for one in _parsed(written) if any(word in one.text for word in ABOUT)]


def _parsed(written: str) -> Iterator[Statement]:
    for found in PLAN.finditer(written):
        told = json.loads(found[2])
        nodes = list(_nodes(told["Plan"]))
        scanned = tuple(one["Relation Name"] for one in nodes if one["Node Type"] == "Seq Scan" and one["Relation Name"] in GROWING)
        pages = told["Plan"].get("Shared Hit Blocks", 0) + told["Plan"].get("Shared Read Blocks", 0)
        yield Statement(float(found[1]), tuple(map(_named, nodes)), scanned, pages, told["Query Text"])


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def _named(node: dict[str, Any]) -> str:
    """Such as `Index Scan ix_report_open`."""
    what = node.get("Index Name") or node.get("Relation Name")
    return f"{node['Node Type']} {what}" if what else str(node["Node Type"])
