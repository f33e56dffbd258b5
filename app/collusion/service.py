"""Every change of a case: opened or added to by the nightly look, decided by people, cut from its persons. Nothing else is changed here.

No points, order, grant or account is touched by any of it: a case asks people to look, and what they do about it they do elsewhere.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.collusion import queries, workflow
from app.collusion.facts import Reason
from app.collusion.models import CaseStatus, CollusionCase, CollusionReason, CollusionText
from app.collusion.workflow import Finding
from app.db.session import AsyncSession
from app.errors import expect_version
from app.messages import service as messages_service
from app.security import throttles
from app.stores.models import Store

CLOCK = sa.func.clock_timestamp()
PAGE = "pages/collusion/index?store={id}"


async def record(session: AsyncSession, *, store: Store, findings: Sequence[Finding], days: tuple[date, date]) -> int:
    """Writes down what is new about a store, and tells its administrators; returns how many cases were opened.

    What is known of an open case is added to once it is new; a pair that was decided comes back with new facts only. Two looks at once meet
    at the store's lock, and the second finds nothing new.
    """
    if not findings:
        return 0
    await throttles.hold(session, f"collusion:{store.id}")
    cases, known = await queries.open_cases(session, store_id=store.id), await queries.known(session, store_id=store.id)
    opened = []
    for finding in findings:
        pair = finding.clerk_id, finding.member_id
        case, new = cases.get(pair), workflow.news(finding.reasons, known.get(pair, {}))
        if case is not None and new:
            await _add(session, case, finding, new, days)
        elif new:
            opened.append(await _open(session, store, finding, days))
    if opened:
        await _tell(session, store, opened)
    return len(opened)


async def decide(
    session: AsyncSession, *, principal: Principal, case_id: UUID, command: str, note: str, seen: int | None
) -> tuple[CollusionCase, Store]:
    """Dismisses or notes a case, with a sentence why. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    case, store, _ = await queries.access_case(session, principal=principal, case_id=case_id, lock=True)
    workflow.require_administrator(principal, area_path=store.area_path)
    expect_version(seen, case.version)
    workflow.require_open(case)
    text = CollusionText(author_id=principal.account_id, text=note)
    session.add(text)
    await session.flush()
    await session.exec(
        sa.update(CollusionCase)
        .where(col(CollusionCase.id) == case.id)
        .values(
            status=workflow.COMMANDS[command], decided_at=CLOCK, decided_by=principal.account_id, note_id=text.id,
            version=CollusionCase.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    await session.refresh(case)
    audit_service.record(
        session, f"collusion.{command}", object_kind="collusion_case", object_id=case.id, area_path=store.area_path,
        store_id=str(store.id),
    )
    await session.flush()
    return case, store


def note_reading(session: AsyncSession, case: CollusionCase, store: Store) -> None:
    """Who has looked at what is said of somebody is part of the trail."""
    audit_service.record(
        session, "collusion.read", object_kind="collusion_case", object_id=case.id, area_path=store.area_path, store_id=str(store.id)
    )


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Takes a person out of every case and empties the sentences about and by them; a case without its clerk or its member has lapsed."""
    about = sa.or_(*(column == member_id for column in queries.PERSONS.values()))
    texts = sa.select(col(CollusionCase.note_id)).where(about, col(CollusionCase.note_id).is_not(None))
    await session.exec(
        sa.update(CollusionText)
        .where(sa.or_(col(CollusionText.author_id) == member_id, col(CollusionText.id).in_(texts)))
        .values(text=None)
        .execution_options(synchronize_session=False)
    )
    ends = sa.and_(
        col(CollusionCase.status) == CaseStatus.OPEN,
        sa.or_(col(CollusionCase.clerk_id) == member_id, col(CollusionCase.member_id) == member_id),
    )
    await session.exec(
        sa.update(CollusionCase)
        .where(about)
        .values(
            {f"{part}_id": sa.func.nullif(column, member_id) for part, column in queries.PERSONS.items()}
            | {
                "status": sa.case((ends, CaseStatus.LAPSED), else_=col(CollusionCase.status)),
                "decided_at": sa.case((ends, CLOCK), else_=col(CollusionCase.decided_at)), "version": CollusionCase.version + 1,
            }
        )
        .execution_options(synchronize_session=False)
    )


async def _open(session: AsyncSession, store: Store, finding: Finding, days: tuple[date, date]) -> CollusionCase:
    case = CollusionCase(
        store_id=store.id, clerk_id=finding.clerk_id, member_id=finding.member_id, reviewer_id=finding.reviewer_id
    )
    session.add(case)
    await session.flush()
    await _write(session, case, finding.reasons, days)
    audit_service.record(
        session, "collusion.open", object_kind="collusion_case", object_id=case.id, area_path=store.area_path, store_id=str(store.id),
        reasons=[reason.code.value for reason in finding.reasons],
    )
    return case


async def _add(
    session: AsyncSession, case: CollusionCase, finding: Finding, reasons: Sequence[Reason], days: tuple[date, date]
) -> None:
    case.reviewer_id = case.reviewer_id or finding.reviewer_id
    case.version += 1
    session.add(case)
    await session.flush()
    await _write(session, case, reasons, days)


async def _write(session: AsyncSession, case: CollusionCase, reasons: Sequence[Reason], days: tuple[date, date]) -> None:
    session.add_all([
        CollusionReason(
            case_id=case.id, code=one.code, observed=one.observed, expected=one.expected, support=one.support, window_from=days[0],
            window_to=days[1],
        )
        for one in reasons
    ])
    await session.flush()


async def _tell(session: AsyncSession, store: Store, cases: Sequence[CollusionCase]) -> None:
    """One message a store and night, without a word about whom; those whom a case is about, or who work there, get none."""
    told = set(await auth_queries.covering(session, area_path=store.area_path, roles=[Role.AREA_ADMIN]))
    staff = await auth_queries.people_at(session, scope_type=ScopeType.STORE, scope_id=store.id)
    told -= {account_id for account_id, _ in staff}
    told -= {person for case in cases for person in (case.clerk_id, case.member_id, case.reviewer_id) if person}
    body = f"{store.name}有 {len(cases)} 组核销情况与该店平常不同，请人工复核。提示仅供参考，不影响任何人的积分和兑换。"
    for account_id in sorted(told):
        await messages_service.send(
            session, member_id=account_id, category="system", title="有核销情况待复核", body=body, path=PAGE.format(id=store.id),
            reference=("store", store.id, None),
        )
