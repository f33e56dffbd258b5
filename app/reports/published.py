"""The transition table as an answer: made from the one that decides, so that the two cannot differ."""

from collections.abc import Iterable
from typing import Any

from fastapi.routing import APIRoute
from pydantic import ConfigDict, Field
from starlette.routing import BaseRoute

from app.auth.routing import PREFIX
from app.reports import workflow
from app.reports.words import ActorRole, Stage, Status
from app.reports.workflow import Command, Deed, Need
from app.schemas import Out


class By(Out):
    """In which part, in which states."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    role: ActorRole
    from_: list[Status] = Field(alias="from")


class CommandRule(Out):
    """One command. Where `to` is empty, or names no other state, the report stays where it is.

    `never`: whoever did this on the report may not give the command, in whatever part. `needs`: what must be so besides the state.
    `asks`: who by this command only asks the reviewer, for one thing at a time.
    """

    model_config = ConfigDict(extra="forbid")

    command: Command
    call: str
    by: list[By]
    to: list[Status]
    never: list[Deed]
    needs: Need | None
    asks: list[ActorRole]
    body: str


class Reopening(Out):
    within_days: int
    at_most: int


class Workflow(Out):
    """States, which of them are final, who may give which command in which state, and what is timed in each."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "states": ["submitted", "accepted"], "final": ["rejected", "merged", "withdrawn", "closed"],
        "commands": [{
            "command": "accept", "call": "POST /reports/{report_id}/accept", "by": [{"role": "reviewer", "from": ["submitted"]}],
            "to": ["accepted"], "never": [], "needs": None, "asks": [], "body": "AcceptIn",
        }],
        "stages": {"submitted": "review", "closed": None}, "reopen": {"within_days": 7, "at_most": 2}, "feedback_days": 7,
    }]})

    states: list[Status]
    final: list[Status]
    commands: list[CommandRule]
    stages: dict[Status, Stage | None]
    reopen: Reopening
    feedback_days: int


def table(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    calls = {route.name.replace("_", "-"): route for route in routes if isinstance(route, APIRoute)}
    return {
        "states": list(Status), "final": _ordered(workflow.FINAL),
        "commands": [_command(command, rule, calls[command.value]) for command, rule in workflow.TABLE.items()],
        "stages": dict(workflow.STAGES),
        "reopen": {"within_days": workflow.REOPEN_WITHIN.days, "at_most": workflow.MAX_REOPENS},
        "feedback_days": workflow.FEEDBACK_WITHIN.days,
    }


def _command(command: Command, rule: workflow.Rule, route: APIRoute) -> dict[str, Any]:
    return {
        "command": command, "call": f"{min(route.methods or ())} {route.path.removeprefix(PREFIX)}",
        "by": [{"role": actor, "from": _ordered(sources)} for actor, sources in rule.by.items()], "to": _ordered(rule.to),
        "never": sorted(rule.never), "needs": rule.needs, "asks": sorted(rule.asks), "body": _body(route),
    }


def _ordered(states: Iterable[Status]) -> list[Status]:
    return sorted(states, key=list(Status).index)


def _body(route: APIRoute) -> str:
    """The name under which the document of the API describes the body; a command that needs no words may go without one."""
    assert route.body_field is not None
    kind = route.body_field.field_info.annotation
    named = next((one for one in getattr(kind, "__args__", ()) if one is not type(None)), kind)
    return str(getattr(named, "__name__", named))
