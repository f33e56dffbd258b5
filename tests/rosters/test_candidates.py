"""A Party roster for its secretary: who has registered, who keeps quiet (隐形党员), who is missing (口袋党员), and what came of it."""

import hmac
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.audit.models import AuditEvent
from app.auth.models import Account
from app.members import service as members_service
from app.registrations.models import Registration
from app.registrations.models import Status as RegistrationStatus
from app.rosters import matching, queries, sealed, service
from app.rosters.models import Roster, RosterLine, RosterRows
from app.security import sealing
from tests.rosters.conftest import HEAD, send, sheet
from tests.support.branches import CONSENTS, MEMBERSHIP


class Desk:
    """The secretary's own calls."""

    def __init__(self, client: Any, branch: Any) -> None:
        self.client, self.branch = client, branch
        self.path = f"/api/v1/organisations/{branch.id}/roster"

    async def send(self, *people: tuple[str, str]) -> dict[str, Any]:
        data = HEAD + "".join(f"{name},{phone},,\n" for name, phone in people)
        answer = await send(self.client, self.branch.secretary, f"organisations/{self.branch.id}", data)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    async def get(self, rest: str = "", **params: Any) -> dict[str, Any]:
        answer = await self.client.get(self.path + rest, params=params, headers=self.branch.secretary.headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def post(self, rest: str, body: dict[str, Any] | None = None) -> Any:
        return await self.client.post(self.path + rest, json=body, headers=self.branch.secretary.headers)

    async def states(self, **params: Any) -> dict[str, str]:
        return {line["name"]: line["state"] for line in (await self.get(**params))["items"]}


@pytest.fixture
def desk(client, branch) -> Desk:
    return Desk(client, branch)


async def test_a_secretary_sees_who_of_the_roster_is_missing(
    client, session, people, desk, branch, other_branch, registered, work
) -> None:
    here, elsewhere, quiet, stranger = [await people.member(consents=CONSENTS) for _ in range(4)]
    await registered(here, real_name="王小明", scene=branch.scene, **MEMBERSHIP)
    await registered(elsewhere, real_name="张三", scene=other_branch.scene, **MEMBERSHIP)
    await registered(quiet, real_name="李四", scene=branch.scene)
    await registered(stranger, real_name="另一人")
    data = sheet(
        ["name", "phone", "since", "note"], ["王 小明", int(here.phone), "2024/3/1", "早班"], ["张三", elsewhere.phone],
        ["李四", quiet.phone], ["=1+1", "13900000001"], ["赵六", stranger.phone],
    )
    sent = await send(client, branch.secretary, f"organisations/{branch.id}", data)
    assert (sent.status_code, sent.json()["total"]) == (202, 5)
    await work()
    told = await desk.get()
    assert (told["registered"], told["not_registered"], told["match_rate"], told["next_cursor"]) == (1, 4, 0.2, None)
    assert {line["name"]: line["state"] for line in told["items"]} == {
        "王 小明": "registered", "张三": "not_registered", "李四": "undeclared", "=1+1": "not_registered", "赵六": "not_registered",
    }
    assert all("****" in line["phone"] and line["registered"] == (line["state"] == "registered") for line in told["items"])
    assert [(line["since"], line["note"]) for line in told["items"] if line["registered"]] == [("2024-03-01", "早班")]
    assert await desk.states(state="undeclared") == {"李四": "undeclared"} and len(await desk.states(state="not_registered")) == 3
    kept = (await session.exec(sa.select(RosterLine).where(col(RosterLine.extra_sealed).is_not(None)))).scalars().one()
    assert "早班".encode() not in kept.extra_sealed
    noted = await session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "rosters.read"))
    assert len(noted.scalars().all()) == 3


async def test_candidates_come_page_by_page_the_quiet_ones_first(people, desk, branch, registered, work) -> None:
    quiet = [await people.member(consents=CONSENTS) for _ in range(2)]
    for number, rider in enumerate(quiet):
        await registered(rider, real_name=f"隐形{number}")
    missing = [(f"缺席{number}", f"1370000000{number}") for number in range(3)]
    await desk.send(("隐形0", quiet[0].phone), *missing, ("隐形1", quiet[1].phone))
    await work()
    seen, cursor = [], None
    while True:
        page = await desk.get("/candidates", limit=1, **({"cursor": cursor} if cursor else {}))
        seen += [(one["name"], one["state"]) for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [
        ("隐形1", "undeclared"), ("隐形0", "undeclared"), ("缺席2", "not_registered"), ("缺席1", "not_registered"),
        ("缺席0", "not_registered"),
    ]
    answer = await desk.client.get(f"{desk.path}/candidates", params={"cursor": "x"}, headers=branch.secretary.headers)
    assert answer.status_code == 422


async def test_who_registers_later_leaves_the_list_at_once(session, people, desk, branch, registered, work) -> None:
    """Whether they had an account when the roster was matched or not; and whoever withdraws is back."""
    known, newcomer_phone = await people.member(consents=CONSENTS), "13712345678"
    await desk.send(("王小明", known.phone), ("李四", newcomer_phone), ("张三", "13700000000"))
    await work()
    assert set((await desk.states()).values()) == {"not_registered"}
    made = await registered(known, real_name="王小明", scene=branch.scene, **MEMBERSHIP)
    newcomer = await people.member(phone=newcomer_phone, consents=CONSENTS)
    await registered(newcomer, real_name="李 四", scene=branch.scene, **MEMBERSHIP)
    assert [one["name"] for one in (await desk.get("/candidates"))["items"]] == ["张三"]
    told = await desk.get(state="registered")
    assert (told["registered"], told["not_registered"], len(told["items"])) == (2, 1, 2)
    gone = await session.exec(
        sa.update(Registration).where(col(Registration.id) == made["id"]).values(status=RegistrationStatus.WITHDRAWN)
    )
    assert gone.rowcount == 1
    assert await desk.states() == {"王小明": "not_registered", "李四": "registered", "张三": "not_registered"}


async def test_a_number_under_another_key_is_found(session, people, desk, branch, registered, work, monkeypatch) -> None:
    """The account's fingerprint was made under a newer key, the line's under the oldest: two columns joined would not meet."""
    one = await people.member(consents=CONSENTS)
    await registered(one, real_name="王小明", scene=branch.scene, **MEMBERSHIP)
    newer, of_ring = b"a newer key of the ring", sealing.blind_indexes
    await session.exec(sa.update(Registration).values(created_at=sa.func.now() - sa.text("interval '1 day'")))  # no newcomer
    await session.exec(sa.update(Account).where(col(Account.id) == one.id).values(phone_index=_fingerprint(newer, one.phone)))
    await desk.send(("王小明", one.phone), ("李四", "13700000000"))
    await work()
    assert (await desk.states())["王小明"] == "not_registered", "the ring does not have that key yet"
    monkeypatch.setattr(
        sealing, "blind_indexes",
        lambda session, value, *, purpose: [*of_ring(session, value, purpose=purpose), _fingerprint(newer, value)],
    )
    assert (await desk.post("/rematch")).status_code == 202
    await work()
    assert await desk.states() == {"王小明": "registered", "李四": "not_registered"}
    await session.exec(sa.update(RosterLine).where(col(RosterLine.member_id) == one.id).values(
        member_id=None, phone_index=_fingerprint(newer, one.phone)
    ))
    await service.forget(session, member_id=one.id)
    assert await desk.states() == {"李四": "not_registered"}


def _fingerprint(key: bytes, phone: str) -> bytes:
    return hmac.digest(key, phone.encode(), "sha256")


async def test_matching_again_by_hand_and_by_night(session, desk, people, branch, registered, work, run_job, queued) -> None:
    rider = await people.member(consents=CONSENTS)
    await registered(rider, real_name="王小民", scene=branch.scene)
    assert (await desk.post("/rematch")).status_code == 404
    await desk.send(("王小明", rider.phone), ("张三", "13700000000"))
    assert (await desk.post("/rematch")).json()["code"] == "invalid_transition", "it waits for its first matching"
    await work()
    assert (await desk.states())["王小明"] == "not_registered"
    await session.exec(sa.update(RosterLine).values(member_id=None))
    await _rename(session, rider.id, "王小明")
    answer = await desk.post("/rematch")
    assert (answer.status_code, answer.json()["status"], answer.json()["registered"]) == (202, "running", 0)
    again = await desk.post("/rematch")
    assert (again.status_code, again.json()["current_status"]) == (409, "running")
    await work()
    assert (await desk.get())["status"] == "matched" and (await desk.states())["王小明"] == "undeclared"
    await session.exec(sa.update(RosterLine).values(member_id=None))
    await run_job("rosters.refresh")
    assert [name for name, _ in await queued(session) if name == "rosters.rematch"] == ["rosters.rematch"]
    await work()
    assert (await desk.states())["王小明"] == "undeclared"
    await session.exec(sa.update(Roster).values(created_at=sa.func.now() - sa.text("interval '31 days'")))
    await run_job("rosters.sweep")
    told = await desk.get()
    assert (told["items"], told["status"], told["registered"], told["not_registered"]) == ([], "matched", 0, 2)
    assert (await desk.post("/rematch")).json()["code"] == "conflict"
    await run_job("rosters.refresh")
    assert not [name for name, _ in await queued(session) if name == "rosters.rematch"]


async def _rename(session, member_id, name: str) -> None:
    await members_service.set_profile(session, member_id=member_id, real_name=name)


async def test_what_the_secretary_notes_stays_with_the_person(session, people, desk, branch, registered, work) -> None:
    """Over a newer roster too; and it goes with the line."""
    await desk.send(("王小明", "13700000000"), ("李四", "13700000001"))
    await work()
    one, two = (await desk.get("/candidates"))["items"]
    assert one["name"] == "李四" and one["follow_up"] is None
    answer = await desk.post(f"/candidates/{one['id']}/follow-up", {"outcome": "will_register", "note": "本周来登记"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["follow_up"]["outcome"], answer.json()["follow_up"]["note"]) == ("will_register", "本周来登记")
    await desk.post(f"/candidates/{two['id']}/follow-up", {"outcome": "contacted"})
    await desk.post(f"/candidates/{two['id']}/follow-up", {"outcome": "not_ours"})
    kept = (await session.exec(sa.select(RosterLine).where(col(RosterLine.note_sealed).is_not(None)))).scalars().one()
    assert "本周".encode() not in kept.note_sealed
    event = (await session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "rosters.follow_up"))).scalars().first()
    assert event is not None and "本周" not in str(event.facts) and event.facts["outcome_code"] == "will_register"
    await desk.send(("李四", "13700000001"), ("王小民", "13700000000"))
    await desk.send(("李四", "13700000001"), ("王小民", "13700000000"))
    await work()
    found = {line["name"]: line["follow_up"] for line in (await desk.get("/candidates"))["items"]}
    assert found["王小民"] is None, "another name: another person"
    assert (found["李四"]["outcome"], found["李四"]["note"]) == ("will_register", "本周来登记")
    unknown = await desk.post(f"/candidates/{one['id']}/follow-up", {"outcome": "contacted"})
    assert unknown.status_code == 404, "that line belongs to an older roster"
    rider = await people.member(phone="13700000001", consents=CONSENTS)
    line = next(line for line in (await desk.get("/candidates"))["items"] if line["name"] == "李四")
    await registered(rider, real_name="李四", scene=branch.scene, **MEMBERSHIP)
    late = await desk.post(f"/candidates/{line['id']}/follow-up", {"outcome": "contacted"})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")


async def test_a_page_costs_the_same_with_ten_lines_as_with_one(people, desk, branch, registered, work, statements) -> None:
    riders = [await people.member(consents=CONSENTS) for _ in range(10)]
    for rider in riders:
        await registered(rider, real_name="王小明", scene=branch.scene)
    await desk.send(*[("王小明", rider.phone) for rider in riders])
    await work()
    for path in ("", "/candidates"):
        costs = []
        for limit in (1, 10):
            statements.clear()
            assert len((await desk.get(path, limit=limit))["items"]) == limit
            costs.append(len(statements))
        assert costs[0] == costs[1], (path, costs)


async def test_matching_asks_twice_a_chunk_not_once_a_line(session, people, desk, branch, registered, work, statements) -> None:
    riders = [await people.member(consents=CONSENTS) for _ in range(12)]
    for rider in riders:
        await registered(rider, real_name="王小明", scene=branch.scene)
    costs = []
    for size in (2, 12):
        sent = await desk.send(*[("王小明", rider.phone) for rider in riders[:size]])
        statements.clear()
        assert await matching.step(session, roster_id=UUID(sent["id"])) is False
        costs.append(len([statement for statement in statements if not statement.startswith(("SAVEPOINT", "RELEASE"))]))
        assert len((await desk.get(state="undeclared"))["items"]) == size
    assert costs[1] <= costs[0], costs


@pytest.mark.parametrize("done", [0, 1, 2])
async def test_nothing_of_a_forgotten_person_is_left(session, people, desk, branch, registered, done: int, work) -> None:
    """Whether they wait for their line, stand on the half that has one, or on a finished list; numbers of others stay where they are."""
    rider = await people.member(consents=CONSENTS)
    await registered(rider, real_name="王小明", scene=branch.scene)
    others = [(f"路人{number}", f"1370000{number:04d}") for number in range(600)]
    place = {0: 550, 1: 3, 2: 3}[done]
    sent = await desk.send(*others[:place], ("王小明", rider.phone), *others[place:], ("王小明", "12"))
    if done == 1:
        await matching.step(session, roster_id=UUID(sent["id"]))
    if done == 2:
        await work()
    assert (await queries.export(session, member_id=rider.id))["rosters"] == ({"organisation": 1} if done else {})
    await service.forget(session, member_id=rider.id)
    await session.exec(sa.update(Account).where(col(Account.id) == rider.id).values(phone_index=None, phone_sealed=None))
    for row in (await session.exec(sa.select(RosterRows))).scalars().all():
        assert all(one is None or one.person.phone != rider.phone for one in sealed.waiting(session, row))
    await work()
    told = await desk.get()
    assert (told["status"], told["registered"], told["not_registered"]) == ("matched", 0, 600)
    lines = (await session.exec(sa.select(RosterLine))).scalars().all()
    assert {sealed.person_of(session, line).phone for line in lines} == {phone for _, phone in others}
    assert (await queries.export(session, member_id=rider.id))["rosters"] == {}
    errors = (await desk.get("/errors", format="json"))["items"]
    assert [(error["name"], error["reason"]) for error in errors] == [("王*", "不是有效的手机号")]
