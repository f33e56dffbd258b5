"""Cases as answers: aliases, sentences, figures; no id of a person, no name, no points."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app import clock
from app.auth.principal import Principal
from app.collusion import queries, workflow
from app.collusion.models import CollusionCase, CollusionReason
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.schemas import named
from app.stores.models import Store

Row = tuple[CollusionCase, Store, str | None]


async def cases(session: AsyncSession, principal: Principal, rows: Sequence[Row]) -> list[dict[str, Any]]:
    reasons = await queries.reasons(session, [case.id for case, _, _ in rows])
    return await _shown(session, principal, rows, reasons)


async def case(session: AsyncSession, principal: Principal, row: Row) -> dict[str, Any]:
    """With the verifications that it is about."""
    reasons = await queries.reasons(session, [row[0].id])
    first = min((reason.window_from for reason in reasons[row[0].id]), default=clock.local_day(row[0].created_at))
    uses = await queries.verifications(session, row[0], since=clock.day_start(first))
    return (await _shown(session, principal, [row], reasons))[0] | {
        "verifications": [
            {"id": use.id, "number": use.number, "verified_at": use.verified_at, "typed": use.typed, "undone_at": use.undone_at}
            for use in uses
        ]
    }


async def _shown(
    session: AsyncSession, principal: Principal, rows: Sequence[Row], reasons: Mapping[UUID, Sequence[CollusionReason]]
) -> list[dict[str, Any]]:
    people = {person for case, _, _ in rows for person in (*_persons(case), case.decided_by) if person}
    called = await members_queries.aliases(session, people)
    def alias(person: UUID | None) -> str | None:
        return called.get(person) if person else None

    return [
        {
            "id": case.id, "store": named(store), "clerk": alias(case.clerk_id), "member": alias(case.member_id),
            "reviewer": alias(case.reviewer_id), "severity": workflow.severity(reason.code for reason in reasons[case.id]),
            "status": case.status, "opened_at": case.created_at, "decided_at": case.decided_at,
            "decided_by": alias(case.decided_by), "note": note, "reasons": [_reason(reason) for reason in reasons[case.id]],
            "version": case.version, "allowed": workflow.allowed(principal, case, area_path=store.area_path),
        }
        for case, store, note in rows
    ]


def _persons(case: CollusionCase) -> tuple[UUID | None, ...]:
    return case.clerk_id, case.member_id, case.reviewer_id


def _reason(row: CollusionReason) -> dict[str, Any]:
    return {
        "code": row.code, "text": workflow.sentence(row.code, row.observed, row.expected, row.support), "observed": row.observed,
        "expected": row.expected, "support": row.support, "from": row.window_from, "to": row.window_to, "at": row.created_at,
    }
