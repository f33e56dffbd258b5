"""New versions of what people agree to: the old stays on record, and where everybody is asked anew an old yes is no longer enough."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app.auth.models import Account
from app.auth.roles import Role, ScopeType
from app.jobs import service as jobs_service
from app.members import queries, service
from app.members.models import Consent, ConsentText, Purpose
from tests.support.owner import as_owner
from tests.support.people import PLATFORM, People

API = "/api/v1"
TEXTS = f"{API}/members/consent-texts"
ME = f"{API}/members/me"
NEW = {"purpose": "location", "version": "2027-01", "title": "位置信息使用说明（新）", "text": "第二版：只保存上报的那一个点。"}


@pytest.fixture
async def chief(people):
    return await people.console(stepped_up=True)


async def current(client, purpose: str) -> str:
    return next(text["version"] for text in (await client.get(TEXTS)).json() if text["purpose"] == purpose)


async def agree(client, who, purpose: str, *, granted: bool = True) -> Any:
    body = {"version": await current(client, purpose), "granted": granted}
    answer = await client.put(f"{ME}/consents/{purpose}", json=body, headers=who.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def publish(client, who, *, renew: bool | None, **more: Any) -> Any:
    return await client.post(TEXTS, json={**NEW, "renew": renew, **more}, headers=who.headers)


async def consents(client, who) -> dict[str, tuple[str, bool, bool]]:
    said = (await client.get(ME, headers=who.headers)).json()["consents"]
    return {one["purpose"]: (one["version"], one["granted"], one["current"]) for one in said}


async def report(client, who, county) -> tuple[int, str | None]:
    """Tries to file one; without a photo that exists it ends at 422 or 404 where consent is no obstacle."""
    body = {"category_code": "bin_overflow", "description": "满了", "location": county.place(), "upload_ids": [str(uuid4())]}
    answer = await client.post(f"{API}/reports", json=body, headers=who.headers | {"Idempotency-Key": uuid4().hex})
    return answer.status_code, answer.json().get("code")


@pytest.fixture
async def rider(client, people):
    person = await people.member(consents=())
    for purpose in ("service", "location", "publicity"):
        await agree(client, person, purpose)
    return person


async def test_an_old_yes_no_longer_lets_a_report_through(client, people, session, county, chief, rider, run_job, queued) -> None:
    old = await current(client, "location")
    before = await report(client, rider, county)
    assert before[1] != "consent_required"
    made = await publish(client, chief, renew=True)
    assert made.status_code == 201, made.text
    assert made.json() == {**NEW, "required_for": ["随手拍上报"], "withdrawal": made.json()["withdrawal"]}
    assert ("members.lapse", {"purpose": "location"}) in await queued(session)
    assert await consents(client, rider) == {
        "service": ("2026-11", True, True), "location": (old, True, False), "publicity": ("2026-11", True, True),
    }
    await run_job("members.lapse", {"purpose": "location"})
    assert await report(client, rider, county) == (403, "consent_required")
    assert await agree(client, rider, "location") | {"at": None} == {
        "purpose": "location", "version": "2027-01", "granted": True, "at": None, "current": True, "closed": [],
    }
    await run_job("members.lapse", {"purpose": "location"})  # run again it takes nothing from who agreed anew
    assert await report(client, rider, county) == before
    assert (await consents(client, rider))["location"] == ("2027-01", True, True)


async def test_without_renewal_the_old_yes_stays_good(client, session, county, chief, rider, run_job, queued) -> None:
    before = await report(client, rider, county)
    assert (await publish(client, chief, renew=False)).status_code == 201
    assert not [job for job in await queued(session) if job[0] == "members.lapse"]
    await run_job("members.lapse", {"purpose": "location"})
    assert await report(client, rider, county) == before
    assert (await consents(client, rider))["location"] == ("2026-11", True, True)
    body = {"version": "2026-11", "granted": True}
    newcomer = await client.put(f"{ME}/consents/location", json=body, headers=rider.headers)
    assert newcomer.status_code == 422  # whoever agrees now reads the new text


async def test_a_yes_to_something_else_does_not_bring_an_old_yes_back(client, session, chief, rider, run_job) -> None:
    await publish(client, chief, renew=True)
    await run_job("members.lapse", {"purpose": "location"})
    await agree(client, rider, "employer_statement")
    kept = await session.exec(sa.select(col(Account.consented)).where(col(Account.id) == rider.id))
    assert set(kept.scalar_one()) == {"service", "publicity", "employer_statement"}
    assert not await queries.has_consent(session, member_id=rider.id, purpose="location")


async def test_renewals_add_up(client, session, chief, rider) -> None:
    """A later text that asks nobody anew does not forgive an earlier one that did."""
    await publish(client, chief, renew=True)
    await publish(client, chief, renew=False, version="2027-02")
    assert (await consents(client, rider))["location"] == ("2026-11", True, False)
    standing = await session.exec(
        sa.select(col(ConsentText.version), col(ConsentText.in_force), col(ConsentText.sufficient))
        .where(col(ConsentText.purpose) == Purpose.LOCATION).order_by(col(ConsentText.version))
    )
    assert [tuple(row) for row in standing.all()] == [("2026-11", False, False), ("2027-01", False, True), ("2027-02", True, True)]


async def test_the_record_keeps_every_yes_and_no(client, chief, rider) -> None:
    await agree(client, rider, "publicity", granted=False)
    await publish(client, chief, renew=True)
    await agree(client, rider, "location")
    answer = await client.get(f"{ME}/consents?limit=4", headers=rider.headers)
    page = answer.json()
    assert [(one["purpose"], one["version"], one["granted"], one["current"]) for one in page["items"]] == [
        ("location", "2027-01", True, True), ("publicity", "2026-11", False, True), ("publicity", "2026-11", True, False),
        ("location", "2026-11", True, False),
    ]
    assert page["items"][0]["title"] == NEW["title"] and page["items"][3]["title"] != NEW["title"]
    rest = (await client.get(f"{ME}/consents?limit=4&cursor={page['next_cursor']}", headers=rider.headers)).json()
    assert [(one["purpose"], one["current"]) for one in rest["items"]] == [("service", True)]


async def test_a_version_comes_once_and_what_it_says_stays(client, session, chief) -> None:
    assert (await publish(client, chief, renew=False)).status_code == 201
    again = await publish(client, chief, renew=False)
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    seeded = await publish(client, chief, renew=False, version="2026-11")
    assert seeded.status_code == 409 and await current(client, "location") == "2027-01"
    for change in ("update consent_text set text = 'x'", "delete from consent_text"):
        with pytest.raises(IntegrityError):
            async with session.begin_nested(), as_owner(session):
                await session.exec(sa.text(f"{change} where version = '2027-01'"))
    for bad in ({"text": ""}, {"title": "两\n行"}, {"version": "x" * 33}, {"version": "2027-03", "purpose": "all"}, {"in_force": False}):
        assert (await publish(client, chief, renew=False, **bad)).status_code == 422
    assert (await publish(client, chief, renew=None, version="2027-03")).status_code == 422


async def test_only_the_platform_administrator_publishes(client, people, county, chief) -> None:
    area_admin = (Role.AREA_ADMIN, ScopeType.AREA, county.root.id)
    seen = {
        "no step-up": await people.console(), "area admin": await people.console(grants=[area_admin], stepped_up=True),
        "from WeChat": await people.member(grants=PLATFORM, stepped_up=True), "rider": await people.member(stepped_up=True),
    }
    got = {}
    for name, who in seen.items():
        answer = await publish(client, who, renew=True)
        got[name] = (answer.status_code, answer.json()["code"])
    assert got == {
        "no step-up": (403, "step_up_required"), "area admin": (403, "forbidden"), "from WeChat": (403, "forbidden"),
        "rider": (403, "forbidden"),
    }
    assert (await client.post(TEXTS, json=NEW | {"renew": True})).status_code == 401
    assert await current(client, "location") == "2026-11"


@pytest.fixture
async def settled(committed):
    """A text of our own that everybody else's tests never see in force again."""
    yield committed
    async with committed.transaction() as session, as_owner(session):
        await jobs_service.drop(session, [("members.lapse", {"purpose": "publicity"})])
        await session.exec(sa.update(Account).where(col(Account.consented) == ["publicity"]).values(consented=[]))
        await session.exec(sa.text("alter table consent disable trigger user"))
        await session.exec(sa.delete(Consent).where(col(Consent.version).like("race-%")))
        await session.exec(sa.text("alter table consent enable trigger user"))
        await session.exec(sa.text("alter table consent_text disable trigger user"))
        await session.exec(sa.delete(ConsentText).where(col(ConsentText.version).like("race-%")))
        await session.exec(sa.text("alter table consent_text enable trigger user"))
        await session.exec(
            sa.update(ConsentText).where(col(ConsentText.purpose) == Purpose.PUBLICITY).values(in_force=True, sufficient=True)
        )


async def _publish(committed, chief, version: str) -> None:
    async with committed.transaction() as session:
        await service.publish_text(
            session, principal=chief, purpose=Purpose.PUBLICITY, version=version, title="公示说明", text="新", renew=True
        )


@pytest.mark.parametrize("waits", [True, False])
async def test_who_agrees_while_a_text_is_replaced_does_not_keep_an_old_yes(settled, settings, monkeypatch, waits: bool) -> None:
    """The publisher waits for the yes that is under way, so that the job sees it. Known bad: a yes that does not hold its text."""
    async with settled.transaction() as session:
        people = People(session, settings)
        rider, chief = await people.member(consents=()), await people.console(stepped_up=True)
    if not waits:
        monkeypatch.setattr(sa.Select, "with_for_update", lambda self, **_: self)
    agreed, published = asyncio.Event(), asyncio.Event()

    async def yes() -> None:
        async with settled.transaction() as session:
            await service.give_consent(session, member_id=rider.id, purpose="publicity", version="2026-11", granted=True)
            agreed.set()
            await asyncio.wait([asyncio.ensure_future(published.wait())], timeout=0.5)

    async def replace() -> None:
        await agreed.wait()
        await _publish(settled, chief.principal, "race-1")
        await _lapse(settled)
        published.set()

    await asyncio.gather(yes(), replace())
    async with settled.transaction() as session:
        kept = (await session.exec(sa.select(col(Account.consented)).where(col(Account.id) == rider.id))).scalar_one()
    assert ("publicity" in kept) is not waits


async def _lapse(committed) -> None:
    async with committed.transaction() as session:
        found = await session.exec(sa.select(col(Account.id)).where(col(Account.consented).contains(["publicity"])))
        members: list[UUID] = list(found.scalars().all())
    async with committed.transaction() as session:
        await service.lapse(session, purpose=Purpose.PUBLICITY, members=members)
