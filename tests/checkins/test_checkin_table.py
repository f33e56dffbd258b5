"""Every caller × command × state, for a rider's check-in and an enterprise's, from one table."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.checkins import workflow
from app.checkins.models import CheckIn, Kind, Status
from app.checkins.workflow import Command, Side
from tests.checkins.conftest import Room

BODIES: dict[str, Any] = {
    "confirm": {}, "reject": {"reason": "不在本社区活动"}, "withdraw": None, "end": {"reason": "已离开"}, "appointments": None,
}
# What each caller hears: where it leads, or the refusal; `late` is a state in which the command is not given any more.
REVIEWER = {
    ("confirm", "pending"): "confirmed", ("reject", "pending"): "rejected", ("end", "confirmed"): "ended",
    ("appointments", "confirmed"): "confirmed",
}
OWN = {("withdraw", "pending"): "withdrawn", ("end", "confirmed"): "ended"}
CALLERS: dict[str, Any] = {
    "nobody": 401, "other_rider": 404, "grid_worker": 404, "other_reviewer": 404, "admin": 403, "reviewer": REVIEWER,
    "street_reviewer": REVIEWER,
}


def expected(caller: Any, command: str, state: Status) -> int | str:
    """A status of HTTP, or the state that the command leads to."""
    if isinstance(caller, int):
        return caller
    if not any(command == given for given, _ in caller):
        return 403
    return caller.get((command, state.value), 409)


def cells(kind: Kind) -> list[tuple[str, str, Status, int | str]]:
    own = {"rider": OWN, "contact": 404} if kind is Kind.MEMBER else {"contact": OWN, "rider": 404}
    return [
        (name, command, state, expected(caller, command, state))
        for state in Status for command in BODIES for name, caller in (CALLERS | own).items()
    ]


def test_the_table_is_the_workflow() -> None:
    """The table above is written by hand, the workflow's beside it: they say the same, and neither is empty."""
    written = {
        side: {(command, state.value, after.value) for state, steps in states.items() for command, after in steps.items()}
        for side, states in workflow.STEPS.items()
    }
    names = {"appointments": "appoint"}
    for side, rows in ((Side.REVIEWER, REVIEWER), (Side.OWN, OWN)):
        assert written[side] == {(Command(names.get(command, command)), state, after) for (command, state), after in rows.items()}


@pytest.mark.parametrize("kind", list(Kind))
async def test_every_cell(room: Room, kind: Kind) -> None:
    role = workflow.ROLES[kind][0].value
    table = cells(kind)
    assert len(table) == 5 * 5 * 9
    refused = [cell for cell in table if isinstance(cell[3], int)]
    wrong = []
    for state in Status:
        row = await room.row(state, member_id=room.who["rider"].id if kind is Kind.MEMBER else None)
        for name, command, _, status in (cell for cell in refused if cell[2] is state):
            answer = await give(room, name, row, command, role)
            if answer.status_code != status:
                wrong.append((name, command, state.value, status, answer.status_code))
        await room.session.refresh(row)
        assert (row.status, row.version) == (state, 1), "a refused command changes nothing"
        await put_away(room, row)
        for name, command, _, after in (cell for cell in table if cell[2] is state and isinstance(cell[3], str)):
            row = await room.row(state, member_id=room.who["rider"].id if kind is Kind.MEMBER else None)
            answer = await give(room, name, row, command, role)
            await room.session.refresh(row)
            if answer.status_code not in (200, 201) or row.status.value != after:
                wrong.append((name, command, state.value, after, answer.status_code, row.status.value))
            await put_away(room, row)
    assert not wrong, wrong


async def give(room: Room, name: str, row: CheckIn, command: str, role: str) -> Any:
    body = {"role": role} if command == "appointments" else BODIES[command]
    where = {"area": {"id": str(row.area_id)}, "id": str(row.id)}
    return await room.command(room.who.get(name), where, command, body)


async def put_away(room: Room, row: CheckIn) -> None:
    """Makes room for the next open one, as if this had ended long ago."""
    at = sa.func.clock_timestamp()
    by = room.who["street_reviewer"].id
    await room.session.exec(
        sa.update(CheckIn)
        .where(col(CheckIn.id) == row.id)
        .values(status=Status.ENDED, decided_by=by, decided_at=at, closed_by=by, closed_at=at, award_year=None)
    )
    room.reread()


@pytest.mark.parametrize("name", ["other_rider", "grid_worker", "other_reviewer", "contact"])
async def test_what_lies_elsewhere_is_not_there(room: Room, name: str) -> None:
    made = await room.report_in(room.who["rider"])
    for path in (f"/checkins/{made['id']}", "/checkins", "/appointments"):
        answer = await room.call("GET", room.who[name], f"/{room.county.community.id}{path}")
        assert answer.status_code == 404, path


async def test_a_check_in_is_found_under_its_own_community_only(room: Room) -> None:
    made = await room.report_in(room.who["rider"])
    for area in (room.county.street, room.county.other_community):
        found = await room.call("GET", room.who["street_reviewer"], f"/{area.id}/checkins/{made['id']}")
        assert found.status_code == 404
