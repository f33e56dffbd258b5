"""What a person does: registers and corrects."""

from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Area
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.base import new_id
from app.db.numbers import next_number
from app.db.session import AsyncSession
from app.errors import AlreadyExists, ValidationFailed, expect_version
from app.members import queries as members_queries
from app.members import service as members_service
from app.members import workflow as members_workflow
from app.organisations import matching
from app.organisations import queries as organisations_queries
from app.organisations import service as organisations_service
from app.organisations.models import Organisation
from app.qrcodes import queries as qrcodes_queries
from app.qrcodes import service as qrcodes_service
from app.qrcodes.models import Purpose, QrCode
from app.registrations import queries, queries_records, workflow
from app.registrations.models import OPEN, ActorRole, Command, Direction, MatchedBy, Registration, Status
from app.registrations.schemas import RegistrationIn, RegistrationPatch
from app.registrations.service import declaring, history, notices


async def aim(session: AsyncSession, *, principal: Principal, told: RegistrationIn) -> tuple[Area, QrCode | None]:
    """The work area and the scanned code of a registration that may be made. It only reads.

    Raises NotFound, QrcodeInactive, ValidationFailed for a code that opens something else; Forbidden for console accounts,
    ConsentRequired and PhoneRequired for what was given neither before nor in this call.
    """
    area = await areas_queries.get(session, told.work_area_id)
    code = None if told.scene is None else await qrcodes_queries.resolve(session, told.scene)
    if code is not None and code.purpose is not Purpose.REGISTRATION:
        raise ValidationFailed.of("body", "scene", msg="该二维码不是登记码", kind="scene")
    members_workflow.require_member(principal)
    given = {consent.purpose.value for consent in told.consents}
    workflow.require_consents(principal.consented | given, told.political_status)
    workflow.require_phone(bound=principal.has_phone, offered=told.phone_code is not None)
    return area, code


async def register(session: AsyncSession, *, principal: Principal, told: RegistrationIn, phone: str | None) -> Registration:
    """Registers the caller. `phone` is the number that WeChat told for `phone_code`; without one, a number is bound already.

    Locks the member, then the account, at last the code. Raises as `aim`; AlreadyExists for a second open registration or someone
    else's number; QrcodeInactive for a code that was used up meanwhile.
    """
    area, code = await aim(session, principal=principal, told=told)
    me = principal.account_id
    for consent in told.consents:
        await members_service.give_consent(session, member_id=me, purpose=consent.purpose, version=consent.version, granted=True)
    if phone is not None:
        await members_service.bind_phone(session, member_id=me, phone=phone)
    await members_service.set_profile(session, member_id=me, real_name=told.real_name, occupation=told.occupation, area=area)
    if await queries.open_of(session, member_id=me) is not None:
        raise AlreadyExists("您已有一份有效的登记")
    if "employers" in told.model_fields_set:
        await members_service.set_employers(session, member_id=me, employers=told.employers)
    organisation, matched_by = await _organisation(session, me, told, area, code)
    row = await _insert(session, me, told, area, code, organisation, matched_by)
    await notices.tell_member(session, row, title="您的登记已收到")
    if row.status is Status.PENDING and organisation is not None:
        await notices.tell_staff(session, row, organisation)
    return row


async def _organisation(
    session: AsyncSession, member_id: UUID, told: RegistrationIn, area: Area, code: QrCode | None
) -> tuple[Organisation | None, MatchedBy | None]:
    """The scanned one, else the one that fits best, and why; a Party member is never left without one."""
    scanned = None if code is None else await organisations_queries.get(session, code.target_id)
    if scanned is not None and scanned.in_being(clock.today()):
        return scanned, MatchedBy.SCANNED
    relations = await members_queries.employments(session, member_id=member_id)
    organisation, reason = await matching.nearest(
        session, area_path=area.path, enterprise_ids=[one.enterprise_id for one in relations if one.enterprise_id is not None],
        occupation=told.occupation.value,
    )
    if organisation is None and told.political_status.in_party:
        root = await areas_queries.root_of(session, path=area.path)
        return await organisations_service.ensure_root_committee(session, area=root), MatchedBy.ROOT_COMMITTEE
    return organisation, None if reason is None else MatchedBy(reason)


async def _insert(
    session: AsyncSession, member_id: UUID, told: RegistrationIn, area: Area, code: QrCode | None, organisation: Organisation | None,
    matched_by: MatchedBy | None,
) -> Registration:
    """Writes the row, its declaration and the beginning of its history; the code's use is counted and the number drawn last, because
    both stay locked.
    """
    registration_id = new_id()
    if code is not None:
        await qrcodes_service.use(session, qrcode_id=code.id)
    made = await session.exec(
        insert(Registration)
        .values(
            id=registration_id, member_id=member_id, status=workflow.first_status(told.political_status), version=1,
            direction=Direction.ORG_SEEKS_MEMBER if code else Direction.MEMBER_SEEKS_ORG, qrcode_id=code.id if code else None,
            organisation_id=organisation.id if organisation else None, matched_by=matched_by, area_id=area.id, area_path=area.path,
            number=await next_number(session, "S"),
        )
        .on_conflict_do_nothing(index_elements=["member_id"], index_where=OPEN)
        .returning(Registration)
    )
    row: Registration | None = made.scalars().first()
    if row is None:
        raise AlreadyExists("您已有一份有效的登记")
    declared = {
        "political_status": told.political_status.value, "party": told.party.model_dump(mode="json") if told.party else None,
    }
    await declaring.write(session, registration_id, declared)
    history.note(session, row, Command.CREATE, was=None, role=ActorRole.MEMBER)
    _audit(session, "create", row, direction=row.direction.value)
    await session.flush()
    return row


async def edit(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, changes: RegistrationPatch, seen: int | None
) -> Registration:
    """Corrects what the state lets be corrected; a returned registration is submitted again by it.

    Locks the registration, then the member. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition, ValidationFailed.
    """
    row = await queries.access_own(session, principal=principal, registration_id=registration_id)
    area = None if changes.work_area_id is None else await areas_queries.get(session, changes.work_area_id)
    expect_version(seen, row.version)
    was, fields = row.status, changes.model_fields_set
    status = workflow.step(ActorRole.MEMBER, was, Command.UPDATE)
    workflow.require_editable(row.status, fields)
    await _declare_again(session, row, changes.model_dump(mode="json", exclude_unset=True))
    await members_service.set_profile(
        session, member_id=row.member_id, real_name=changes.real_name, occupation=changes.occupation, area=area
    )
    if changes.employers is not None:
        await members_service.set_employers(session, member_id=row.member_id, employers=changes.employers)
    if area is not None:
        row.area_id, row.area_path = area.id, area.path
    resubmitted, row.status = was is not status, status
    if resubmitted:
        row.reason_sealed = None
        history.note(session, row, Command.UPDATE, was=was, role=ActorRole.MEMBER)
    row.version += 1
    session.add(row)
    _audit(session, "edit", row, fields=sorted(fields))
    await session.flush()
    if resubmitted and row.organisation_id is not None:
        await notices.tell_staff(session, row, await organisations_queries.get(session, row.organisation_id))
    return row


async def _declare_again(session: AsyncSession, row: Registration, changes: dict[str, Any]) -> None:
    if not {"political_status", "party"} & set(changes):
        return
    declared = await queries_records.declaration(session, registration_id=row.id)
    if declared is not None:
        await declaring.write(session, row.id, workflow.corrected(declared, changes))


def _audit(session: AsyncSession, verb: str, row: Registration, **facts: Any) -> None:
    audit_service.record(
        session, f"registrations.{verb}", object_kind="registration", object_id=row.id, area_path=row.area_path, **facts
    )
