"""What leaves the county for a content check: public words and pictures. Every place that sends some is named here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import app

CHECKS = ("check_text", "check_image")
ROOT = Path(app.__file__).parent
# File, function, call. Whoever adds one must know: Party papers and demands of riders are never sent (wechat.md 7).
CALLS = {("reports/jobs.py", "check_text", "check_text"), ("uploads/jobs.py", "check", "check_image")}
OWN = ("wechat/client.py", "wechat/simulator")


def calls(source: str, path: str) -> Iterator[tuple[str, str, str]]:
    """Every use of the name, called or handed on."""
    for function in ast.walk(ast.parse(source)) if any(check in source for check in CHECKS) else ():
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and node.attr in CHECKS:
                    yield path, function.name, node.attr


def test_every_place_that_sends_something_to_be_checked_is_known() -> None:
    found = {
        one
        for file in ROOT.rglob("*.py") if not (path := file.relative_to(ROOT).as_posix()).startswith(OWN)
        for one in calls(file.read_text(encoding="utf-8"), path)
    }
    assert found == CALLS
    other = "async def file(context):\n    await context.wechat.check_text(openid, demand)"
    assert set(calls(other, "demands/jobs.py")) - CALLS, "another one would be seen"
