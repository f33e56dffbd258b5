"""Saying yes and no, and new versions of what is said yes to."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import AlreadyExists, ValidationFailed
from app.jobs import service as jobs_service
from app.members import queries, workflow
from app.members.models import Consent, ConsentText, Member, Purpose
from app.members.service import risk
from app.members.service.profile import locked
from app.security import throttles


async def give_consent(session: AsyncSession, *, member_id: UUID, purpose: Purpose | str, version: str, granted: bool) -> Consent:
    """Notes a yes or a no; saying the same again adds nothing. Locks the text, the member, then the account, whose purposes follow.

    Raises:
        ValidationFailed: a yes to a text that is not the current one, or a no to one that never was.
    """
    purpose = Purpose(purpose)
    text = await queries.consent_text(session, purpose=purpose, version=version)
    if text is None or (granted and not text.in_force):
        raise ValidationFailed.of("body", "version", msg="不是该说明的当前版本，请重新获取后再同意", kind="consent_version")
    await locked(session, member_id=member_id)
    last = await queries.last_consent(session, member_id=member_id, purpose=purpose)
    if last is not None and (last.version, last.granted) == (version, granted):
        return last
    consent = Consent(member_id=member_id, purpose=purpose, version=version, granted=granted)
    session.add(consent)
    audit_service.record(
        session, "members.consent", object_kind="member", object_id=member_id, purpose=purpose.value, version=version, granted=granted
    )
    await session.flush()
    in_force = await queries.purposes_in_force(session, among=[member_id])
    await auth_service.set_consented(session, account_id=member_id, purposes=in_force.get(member_id, ()))
    if purpose is Purpose.RISK_CHECK and granted:
        await risk.ask_risk(session, member_id=member_id, scene=risk.SIGN_UP)
    return consent


async def publish_text(
    session: AsyncSession, *, principal: Principal, purpose: Purpose, version: str, title: str, text: str, renew: bool
) -> ConsentText:
    """Puts a new text in force; the old ones stay on record. With `renew` a yes to any of those is no longer enough: a job takes the
    purpose from the accounts that said it, by chunks, until they agree anew. Waits for those who are agreeing to the old text right now.

    Raises Forbidden for who does not run the platform from the console, AlreadyExists for a version that the purpose has had.
    """
    workflow.require_publisher(principal)
    await throttles.hold(session, f"members.consent_text:{purpose.value}")
    if await queries.consent_text(session, purpose=purpose, version=version) is not None:
        raise AlreadyExists("该说明已有这个版本号")
    old = sa.update(ConsentText).where(col(ConsentText.purpose) == purpose)
    await session.exec(old.where(col(ConsentText.in_force)).values(in_force=False))
    if renew:
        await session.exec(old.values(sufficient=False))
        await jobs_service.enqueue(session, "members.lapse", {"purpose": purpose.value})
    published = ConsentText(purpose=purpose, version=version, title=title, text=text, in_force=True)
    session.add(published)
    await session.flush()
    audit_service.record(
        session, "members.publish_text", object_kind="consent_text", object_id=published.id, purpose=purpose.value, version=version,
        renew=renew,
    )
    return published


async def lapse(session: AsyncSession, *, purpose: Purpose, members: Sequence[UUID]) -> int:
    """Takes a purpose from the accounts among `members` whose yes to it is no longer enough; returns how many. Somebody who agrees anew
    at the same moment is waited for, or comes after. Locks the members by id, then each account.
    """
    await session.exec(sa.select(col(Member.id)).where(col(Member.id).in_(members)).order_by(col(Member.id)).with_for_update())
    still = set(await auth_queries.consenting(session, purpose=purpose, among=members))
    in_force = await queries.purposes_in_force(session, among=members)
    lapsed = sorted(member_id for member_id in still if purpose not in in_force.get(member_id, ()))
    for member_id in lapsed:
        await auth_service.set_consented(session, account_id=member_id, purposes=in_force.get(member_id, ()))
    if lapsed:
        audit_service.record(
            session, "members.lapse", object_kind="consent_text", object_id=None, purpose=purpose.value, accounts=len(lapsed)
        )
    await session.flush()
    return len(lapsed)
