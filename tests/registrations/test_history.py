"""What became of a registration: kept for good, read by those whom it concerns, its words erased when they must be."""

from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from app.audit.models import AuditEvent
from app.messages.models import Message
from app.registrations import queries, service
from app.registrations.models import RegistrationEvent, RegistrationText, Reminder, ReminderKind, Status
from tests.support.branches import API, CONSENTS, MEMBERSHIP
from tests.support.owner import as_owner
from tests.support.registering import approval

RETURNED, MOVED, REJECTED = "请填写支部全称", "本人主要在建设社区跑单", "多次无法联系"


@pytest.fixture
async def rider(people):
    return await people.member(consents=CONSENTS)


@pytest.fixture
async def travelled(client, rider, branch, other_branch, registered, command) -> str:
    """Returned, corrected, handed on to the other branch."""
    made = await registered(rider, scene=branch.scene, **MEMBERSHIP)
    assert (await command(branch.secretary, made["id"], "return", {"reason": RETURNED})).status_code == 200
    fixed = await client.patch(f"{API}/{made['id']}", json={"real_name": "王大明"}, headers=rider.headers)
    assert fixed.status_code == 200, fixed.text
    told = {"organisation_id": str(other_branch.id), "reason": MOVED}
    assert (await command(branch.secretary, made["id"], "transfer", told)).status_code == 200
    return str(made["id"])


def steps(seen) -> list[tuple]:
    return [(step["command"], step["from"], step["to"], step["reason"], step["by"]) for step in seen["history"]]


async def test_a_transfer_keeps_the_history(client, rider, branch, other_branch, travelled, command) -> None:
    seen = (await client.get(f"{API}/{travelled}", headers=other_branch.secretary.headers)).json()
    assert steps(seen) == [
        ("create", None, "pending", None, "member"), ("return", "pending", "returned", RETURNED, "secretary"),
        ("update", "returned", "pending", None, "member"), ("transfer", "pending", "pending", MOVED, "secretary"),
    ]
    moved = seen["history"][-1]
    assert (moved["from_organisation"]["id"], moved["organisation"]["id"]) == (str(branch.id), str(other_branch.id))
    assert seen["history"][0]["organisation"]["id"] == str(branch.id) and seen["match"] is None
    assert (await client.get(f"{API}/{travelled}", headers=branch.secretary.headers)).status_code == 404
    await command(other_branch.secretary, travelled, "approve", approval(other_branch.instructor))
    after = (await client.get(f"{API}/{travelled}", headers=other_branch.secretary.headers)).json()
    assert steps(after)[-1] == ("approve", "pending", "approved", None, "secretary") and after["reason"] is None
    assert steps(after)[:-1] == steps(seen)


async def test_the_person_reads_why_it_came_back_but_not_why_it_was_handed_on(
    client, rider, other_branch, travelled, command, session
) -> None:
    await command(other_branch.secretary, travelled, "reject", {"reason": REJECTED})
    seen = await client.get(f"{API}/{travelled}", headers=rider.headers)
    assert [(step[0], step[3]) for step in steps(seen.json())] == [
        ("create", None), ("return", RETURNED), ("update", None), ("transfer", None), ("reject", REJECTED),
    ]
    copy = str(await queries.export(session, member_id=rider.id))
    assert RETURNED in copy and REJECTED in copy
    for text in (seen.text, copy, (await client.get(f"{API}/mine", headers=rider.headers)).text):
        assert MOVED not in text


async def test_the_history_is_appended_only_and_holds_no_words(session, connection, travelled) -> None:
    kept = (await session.exec(sa.select(RegistrationText.__table__))).all()
    assert len(kept) == 2 and not any(word.encode() in row.sealed for row in kept for word in (RETURNED, MOVED))
    rows = (await session.exec(sa.select(RegistrationEvent.__table__))).all()
    assert len(rows) == 4 and not any(word in str(row) for row in rows for word in (RETURNED, MOVED, "王"))
    for change in ("update registration_event set to_status = 'active'", "delete from registration_event", "truncate registration_event"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with connection.begin_nested(), as_owner(connection):
                await connection.execute(sa.text(change))


@pytest.mark.parametrize("way", ["forget", "close_party"])
async def test_words_go_and_steps_are_shown_no_more(client, rider, other_branch, travelled, session, way) -> None:
    session.add(Reminder(kind=ReminderKind.SIX_MONTHS, registration_id=UUID(travelled)))
    await getattr(service, way)(session, member_id=rider.id)
    for erased in (RegistrationText, Reminder):
        assert (await session.exec(sa.select(erased))).first() is None
    last = (await session.exec(sa.select(RegistrationEvent).order_by(col(RegistrationEvent.id).desc()).limit(1))).scalars().one()
    assert (last.command, last.from_status, last.to_status) == ("close", Status.PENDING, Status.WITHDRAWN)
    await session.flush()
    for who in (rider, other_branch.secretary):
        seen = (await client.get(f"{API}/{travelled}", headers=who.headers)).json()
        assert (seen["status"], seen["history"], seen["reason"], seen["party"]) == ("withdrawn", [], None, None)
    assert MOVED not in str(await queries.export(session, member_id=rider.id))


async def test_nothing_of_it_is_told_or_logged(session, travelled) -> None:
    messages = (await session.exec(sa.select(Message))).scalars().all()
    events = (await session.exec(sa.select(AuditEvent))).scalars().all()
    assert messages and events
    for words in (*(f"{one.title}{one.body}{one.path}" for one in messages), *(str(one.facts) for one in events)):
        assert not any(secret in words for secret in (RETURNED, MOVED, "王", "党", "周口", "full_member"))
