"""Alerts, dashboard and runbooks say nothing that is not there: metrics, pages, commands, statements, routes."""

import json
import re
from typing import Any

import httpx
import sqlalchemy as sa
import yaml
from sqlalchemy.ext.asyncio import AsyncConnection
from typer.main import get_command

from app.cli import cli
from tests.support.alert_cases import AMISS, CALM
from tests.support.service import ROOT

FOLDER = ROOT / "scripts/monitoring"
PAGES = {page.stem: page.read_text() for page in (FOLDER / "runbooks").glob("*.md")}
TOKEN = {"Authorization": "Bearer metrics-token-for-tests"}
ENDS = re.compile(r"_(bucket|count|sum)$")


def alerts() -> list[dict[str, Any]]:
    read = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]



def test_each_alert_is_tried() -> None:
    """By Prometheus' own judge, at night: with figures of an ordinary day, and one that is amiss."""
    assert AMISS.keys() == {rule["alert"] for rule in alerts()}
    assert all(changes.keys() <= CALM.keys() for all_changes in AMISS.values() for changes in all_changes)


def expressions() -> dict[str, str]:
    """By where they stand."""
    board = json.loads((FOLDER / "dashboard.json").read_text())
    panels = {f"panel {panel['title']}": " ".join(target["expr"] for target in panel["targets"]) for panel in board["panels"]}
    return panels | {f"alert {rule['alert']}": rule["expr"] for rule in alerts()}


def unknown(texts: dict[str, str], shown: str) -> dict[str, set[str]]:
    """Names in the texts that /metrics does not have."""
    there = set(re.findall(r"^# TYPE (\w+)", shown, re.MULTILINE))
    named = {where: {ENDS.sub("", name) for name in re.findall(r"\bxinxin_\w+", text)} for where, text in texts.items()}
    return {where: names - there for where, names in named.items() if names - there}


async def test_every_metric_that_is_named_exists(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/metrics", headers=TOKEN)).text
    texts = expressions() | {f"page {name}": text for name, text in PAGES.items()}
    assert not unknown(texts, shown)
    assert unknown({"here": "xinxin_unheard_of_total > 0"}, shown) == {"here": {"xinxin_unheard_of_total"}}


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert {rule["alert"] for rule in alerts()} == set(PAGES)
    for rule in alerts():
        assert rule["annotations"]["runbook"] == f"scripts/monitoring/runbooks/{rule['alert']}.md" and rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
    for name, text in PAGES.items():
        assert text.startswith(f"# {name}\n") and re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Look first", "End it", "Do not"], name


async def test_what_a_page_tells_to_run_can_be_run(connection: AsyncConnection) -> None:
    """Each statement is planned by the database, each command and each route is looked up."""
    commands: Any = get_command(cli)
    document = json.loads((ROOT / "openapi/openapi.json").read_text())
    told = "\n".join(PAGES.values())
    queries = [found[1] for found in re.findall(r"psql \S+ -A?t?c ([\"'])(.+?)\1", told)]
    assert len(queries) > 12
    for query in queries:
        if not query.startswith("show "):
            await connection.execute(sa.text("explain " + query.replace(":", "\\:")))
    for first, second in re.findall(r"scripts/manage ([a-z-]+)(?: ([a-z-]+))?", told):
        assert first in commands.commands, first
        inner = getattr(commands.commands[first], "commands", None)
        assert inner is None or not second or second in inner, (first, second)
    for method, path in re.findall(r"`(GET|POST|PUT|DELETE) (/[\w/{}-]+)`", told):
        assert any(
            re.sub(r"{\w+}", "{}", known) == re.sub(r"{\w+}", "{}", f"/api/v1{path}") and method.lower() in operations
            for known, operations in document["paths"].items()
        ), (method, path)
