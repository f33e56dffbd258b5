"""Consent texts, and saying yes and no to them."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app.auth.models import Account
from app.members import queries, service
from app.members.models import Consent, Purpose
from tests.support.owner import as_owner

TEXTS = "/api/v1/members/consent-texts"


def path(purpose: str) -> str:
    return f"/api/v1/members/me/consents/{purpose}"


async def current(client, purpose: str) -> str:
    return next(text["version"] for text in (await client.get(TEXTS)).json() if text["purpose"] == purpose)


async def consented(session, member_id) -> set[str]:
    found = await session.exec(sa.select(col(Account.consented)).where(col(Account.id) == member_id))
    return set(found.scalar_one())


async def test_texts_are_public_and_cover_every_purpose(client) -> None:
    answer = await client.get(TEXTS)
    assert answer.status_code == 200
    assert [text["purpose"] for text in answer.json()] == [purpose.value for purpose in Purpose if purpose is not Purpose.RISK_CHECK], (
        "nobody is asked about risk checks until the county publishes a text of its own"
    )
    told = {"purpose", "version", "title", "text", "required_for", "withdrawal"}
    assert all(set(text) == told and all(text.values()) for text in answer.json())


async def test_yes_and_no_are_kept_with_version_and_time(client, people, session) -> None:
    rider = await people.member(consents=())
    version = await current(client, "location")
    given = await client.put(path("location"), json={"version": version, "granted": True}, headers=rider.headers)
    assert given.status_code == 200
    assert {**given.json(), "at": None} == {
        "purpose": "location", "version": version, "granted": True, "at": None, "current": True, "closed": [],
    }
    assert given.json()["at"].endswith("Z")
    assert await consented(session, rider.id) == {"location"}
    again = await client.put(path("location"), json={"version": version, "granted": True}, headers=rider.headers)
    assert again.json() == given.json()
    await client.put(path("location"), json={"version": version, "granted": False}, headers=rider.headers)
    assert await consented(session, rider.id) == set()
    assert not await queries.has_consent(session, member_id=rider.id, purpose="location")
    kept = await session.exec(sa.select(col(Consent.granted)).where(col(Consent.member_id) == rider.id).order_by(col(Consent.id)))
    assert list(kept.scalars().all()) == [True, False]
    profile = (await client.get("/api/v1/members/me", headers=rider.headers)).json()
    assert [(said["purpose"], said["granted"]) for said in profile["consents"]] == [("location", False)]


async def test_each_purpose_stands_alone(client, people, session) -> None:
    rider = await people.member(consents=())
    for purpose in ("service", "publicity"):
        body = {"version": await current(client, purpose), "granted": True}
        assert (await client.put(path(purpose), json=body, headers=rider.headers)).status_code == 200
    body = {"version": await current(client, "service"), "granted": False}
    assert (await client.put(path("service"), json=body, headers=rider.headers)).status_code == 200
    assert await consented(session, rider.id) == {"publicity"}


@pytest.mark.parametrize(
    ("purpose", "body"),
    [("service", {"version": "1999-01", "granted": True}), ("service", {"version": "1999-01", "granted": False}),
     ("everything", {"version": "2026-11", "granted": True}), ("service", {"version": "2026-11"}),
     ("service", {"version": "2026-11", "granted": True, "member_id": "x"})],
)
async def test_other_versions_purposes_and_fields_are_refused(client, people, session, purpose: str, body: dict) -> None:
    rider = await people.member(consents=())
    answer = await client.put(path(purpose), json=body, headers=rider.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert await consented(session, rider.id) == set()


async def test_an_old_text_can_be_refused_but_not_agreed_to(client, people, session) -> None:
    rider = await people.member(consents=())
    old = await current(client, "service")
    await service.give_consent(session, member_id=rider.id, purpose="service", version=old, granted=True)
    await session.exec(sa.text("update consent_text set in_force = false where purpose = 'service'"))
    refused = await client.put(path("service"), json={"version": old, "granted": True}, headers=rider.headers)
    assert refused.status_code == 422 and refused.json()["errors"][0]["loc"] == ["body", "version"]
    withdrawn = await client.put(path("service"), json={"version": old, "granted": False}, headers=rider.headers)
    assert withdrawn.status_code == 200
    assert await consented(session, rider.id) == set()


async def test_console_accounts_have_nothing_to_agree_to(client, people) -> None:
    admin = await people.console(grants=[])
    body = {"version": await current(client, "service"), "granted": True}
    answer = await client.put(path("service"), json=body, headers=admin.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("change", ["update consent set granted = not granted", "delete from consent"])
async def test_what_was_said_cannot_be_changed(client, people, session, change: str) -> None:
    rider = await people.member(consents=())
    version = await current(client, "service")
    await service.give_consent(session, member_id=rider.id, purpose="service", version=version, granted=True)
    with pytest.raises(IntegrityError):
        async with session.begin_nested(), as_owner(session):
            await session.exec(sa.text(f"{change} where member_id = '{rider.id}'"))
