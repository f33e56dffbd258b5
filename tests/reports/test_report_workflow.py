"""The published table is the one that decides."""

from typing import Any

from app.reports import workflow
from app.reports.words import Status
from tests.reports.scene import Scene


async def test_it_is_told_whole(scene: Scene) -> None:
    told = await scene.get(scene.reporter, "/workflow")
    assert told["states"] == [status.value for status in Status] and set(told["final"]) == {"rejected", "merged", "withdrawn", "closed"}
    assert told["reopen"] == {"within_days": 7, "at_most": 2} and told["feedback_days"] == 7
    assert told["stages"]["submitted"] == "review" and told["stages"]["closed"] is None and set(told["stages"]) == set(told["states"])
    rules = {rule["command"]: rule for rule in told["commands"]}
    assert list(rules) == [command.value for command in workflow.Command]
    for command, rule in workflow.TABLE.items():
        shown = rules[command.value]
        assert {by["role"]: set(by["from"]) for by in shown["by"]} == {part.value: set(sources) for part, sources in rule.by.items()}
        assert set(shown["to"]) == rule.to and set(shown["never"]) == rule.never and shown["needs"] == rule.needs
        assert set(shown["asks"]) == rule.asks


async def test_each_command_names_its_call_and_its_body(scene: Scene, document: dict[str, Any]) -> None:
    rules = (await scene.get(scene.reporter, "/workflow"))["commands"]
    for rule in rules:
        method, path = rule["call"].split(" ")
        body = str(document["paths"][f"/api/v1{path}"][method.lower()]["requestBody"])
        named = body.partition("schemas/")[2].partition("'")[0]
        assert named.rpartition("__")[2] == rule["body"], "a name that others use too has its module before it"
    bodies = {rule["command"]: (rule["call"], rule["body"]) for rule in rules}
    assert bodies["amend"] == ("PATCH /reports/{report_id}", "ReportPatch")
    assert bodies["withdraw"] == ("POST /reports/{report_id}/withdraw", "Nothing")
    assert bodies["second-look"] == ("POST /reports/{report_id}/second-look", "SecondLookIn")


async def test_who_is_not_signed_in_is_not_told(scene: Scene) -> None:
    assert (await scene.client.get("/api/v1/reports/workflow")).status_code == 401
