"""Every state × every command × every role, from a table copied out of the contract; nothing of it comes from the code."""

from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.auth.roles import Role, ScopeType
from app.organisations.models import Organisation
from app.registrations.models import Registration, Status
from tests.support.branches import API, Branch, make_branch
from tests.support.registering import approval

# Who may give which commands in each state ("its person", "its secretary", "its contact person"), and where a command leads.
MAY = """
state      | person           | secretary                       | contact
pending    | update withdraw  | approve return reject transfer  |
returned   | update withdraw  |                                 |
active     | update withdraw  |                                 |
approved   | update withdraw  | contacts contact-person         | contacts
rejected   |                  |                                 |
withdrawn  |                  |                                 |
"""
LEADS_TO = {
    ("pending", "approve"): "approved", ("pending", "return"): "returned", ("pending", "reject"): "rejected",
    ("pending", "transfer"): "pending", ("pending", "withdraw"): "withdrawn", ("returned", "update"): "pending",
    ("returned", "withdraw"): "withdrawn", ("active", "withdraw"): "withdrawn", ("approved", "withdraw"): "withdrawn",
}
# Who sees a registration at all; whoever does and may not give a command hears 403, everybody else 404.
SEES = {
    "person": "pending returned active approved rejected withdrawn", "secretary": "pending returned active approved rejected withdrawn",
    "contact": "approved", "area_admin": "active",
    "other_instructor": "", "other_secretary": "", "secretary_above": "", "reviewer": "", "enterprise_contact": "", "store_owner": "",
    "platform_admin": "", "auditor": "", "rider": "",
}
STATES = ("pending", "returned", "active", "approved", "rejected", "withdrawn")
OWN, STAFF = ("update", "rename", "withdraw"), ("approve", "return", "reject", "transfer", "contacts", "contact-person")
ROLES = (*SEES, "nobody")
STALE = '"41"'
Cell = tuple[str, str, str, bool]  # role, state, command, with a stale If-Match
Table = Mapping[str, Mapping[str, tuple[str, ...]]]


def table() -> dict[str, dict[str, tuple[str, ...]]]:
    """MAY as state → role → commands."""
    head, *rows = ([part.strip() for part in line.split("|")] for line in MAY.strip().splitlines())
    return {row[0]: {role: tuple(cell.split()) for role, cell in zip(head[1:], row[1:], strict=True)} for row in rows}


def expected(may: Table, role: str, state: str, command: str, stale: bool) -> tuple[Any, ...]:
    """Status code and what is told with it. The order is 401, 404, 403, 412, 409. `rename`: an update that only `returned` allows."""
    if role == "nobody":
        return (401,)
    if state not in SEES[role].split():
        return (404,)
    if command == "read":
        return (200, state)
    mine = may[state].get(role, ())
    known = OWN if role == "person" else STAFF if role == "secretary" else ("contacts",) if role == "contact" else ()
    if command not in known:
        return (403,)
    if stale:
        return (412, 1)
    given = "update" if command == "rename" else command
    if given not in mine or (command == "rename" and state != "returned"):
        return (409, "invalid_transition", state, mine)
    return (200, LEADS_TO.get((state, given), state))


def cells() -> list[Cell]:
    """Every command in every state for every role; for those who see something somewhere also an update of the name and a stale version."""
    made: list[Cell] = []
    for role in ROLES:
        near = bool(SEES.get(role))
        commands = [name for name in (*OWN, *STAFF) if near or name != "rename"]
        made += [(role, state, name, stale) for state in STATES for name in commands for stale in ((False, True) if near else (False,))]
        made += [(role, state, "read", False) for state in STATES]
    return made


def differences(seen: Mapping[Cell, tuple[Any, ...]], may: Table) -> list[tuple[Any, ...]]:
    """The judge: the cells in which what was heard is not what the table says."""
    wanted = {cell: expected(may, *cell) for cell in cells()}
    assert seen.keys() == wanted.keys(), seen.keys() ^ wanted.keys()
    return [(cell, seen[cell], wanted[cell]) for cell in wanted if seen[cell] != wanted[cell]]


@pytest.fixture
async def cast(session, people, county, branch: Branch, other_branch: Branch) -> dict[str, Any]:
    """Everybody in the table but the person, by role."""
    above = await make_branch(session, people, county.street, "街道党总支")
    await session.exec(sa.update(Organisation).where(col(Organisation.id) == branch.id).values(parent_id=above.id))
    root = county.root.id

    async def member(role: Role, scope: ScopeType, scope_id: Any) -> Any:
        return await people.member(grants=[(role, scope, scope_id)])

    return {
        "secretary": branch.secretary, "contact": branch.instructor, "other_secretary": other_branch.secretary,
        "other_instructor": await member(Role.INSTRUCTOR, ScopeType.ORGANISATION, branch.id), "secretary_above": above.secretary,
        "area_admin": await member(Role.AREA_ADMIN, ScopeType.AREA, root), "reviewer": await member(Role.REVIEWER, ScopeType.AREA, root),
        "enterprise_contact": await member(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, root),
        "store_owner": await member(Role.STORE_OWNER, ScopeType.STORE, root), "platform_admin": await people.console(),
        "auditor": await people.console(grants=[(Role.AUDITOR, ScopeType.AREA, root)]), "rider": await people.member(),
    }


async def hear(client, connection, row: Registration, who: Any, bodies: dict[str, Any], cell: Cell) -> tuple[Any, ...]:
    """What one command is answered; whatever it did is undone."""
    _, _, command, stale = cell
    headers = ({} if who is None else who.headers) | ({"If-Match": STALE} if stale else {})
    undo = await connection.begin_nested()
    if command == "read":
        answer = await client.get(f"{API}/{row.id}", headers=headers)
    elif command in ("update", "rename"):
        answer = await client.patch(f"{API}/{row.id}", json=bodies[command], headers=headers)
    else:
        answer = await client.post(f"{API}/{row.id}/{command}", json=bodies.get(command, {}), headers=headers)
    await undo.rollback()
    told = answer.json()
    more: dict[int, tuple[Any, ...]] = {
        200: (told.get("status"),), 412: (told.get("version"),),
        409: (told.get("code"), told.get("current_status"), tuple(told.get("allowed", ()))),
    }
    return (answer.status_code, *more.get(answer.status_code, ()))


async def test_every_state_command_and_role(client, connection, people, county, branch, other_branch, cast, put) -> None:
    rows: dict[str, tuple[Registration, Any]] = {}
    for state in STATES:
        person = await people.member()
        rows[state] = (await put(person, branch, Status(state)), person)
    named = approval(cast["other_instructor"])
    bodies = {
        "update": {"occupation": "courier"}, "rename": {"real_name": "王大明"}, "approve": named, "return": {"reason": "请补充"},
        "reject": {"reason": "无法联系"}, "transfer": {"organisation_id": str(other_branch.id), "reason": "片区不同"},
        "contacts": {"note": "已联系", "next_contact_on": "2027-01-01"},
        "contact-person": {"contact_account_id": named["contact_account_id"]},
    }
    seen = {}
    for cell in cells():
        role, state = cell[:2]
        row, person = rows[state]
        who = None if role == "nobody" else person if role == "person" else cast[role]
        seen[cell] = await hear(client, connection, row, who, bodies, cell)
    wrong = differences(seen, table())
    assert not wrong, wrong[:20]
    assert len(seen) > 990, len(seen)
    for flipped in flips():
        assert differences(seen, flipped), "a table with one cell flipped must not pass"


def flips() -> list[dict[str, dict[str, tuple[str, ...]]]]:
    """Known-bad tables: one cell of each state and role turned over."""
    made = []
    for state in STATES:
        for role, all_of_them in (("person", ("update", "withdraw")), ("secretary", STAFF), ("contact", ("contacts",))):
            if state not in SEES[role].split():
                continue
            bad = table()
            had = bad[state][role]
            bad[state][role] = had[1:] if had else all_of_them[:1]
            made.append(bad)
    return made


def test_the_table_is_the_contracts() -> None:
    """The transitions of the contract's sentence, and no other."""
    sentence = (
        "pending → approved | returned | rejected | withdrawn", "returned → pending | withdrawn", "pending → pending",
        "active → withdrawn", "approved → withdrawn",
    )
    told = {(left.strip(), right.strip()) for line in sentence for left, _, rest in [line.partition("→")] for right in rest.split("|")}
    assert {(state, target) for (state, _), target in LEADS_TO.items()} == told
    given = {(state, command) for state, roles in table().items() for commands in roles.values() for command in commands}
    assert set(LEADS_TO) <= given
