"""Writing the history: codes and ids that stay, the words of it in texts that may be erased."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.base import new_id
from app.db.session import AsyncSession
from app.registrations import queries_records
from app.registrations.models import ActorRole, Command, Registration, RegistrationEvent, RegistrationText, Status
from app.security import sealing


def note(
    session: AsyncSession, row: Registration, command: Command, *, was: Status | None, role: ActorRole,
    from_organisation_id: UUID | None = None, reason: str | None = None,
) -> None:
    """Adds one step to the unit of work, as the row stands now; `was` is the state before it."""
    reason_id = None if reason is None else new_id()
    if reason is not None and reason_id is not None:
        sealed = sealing.seal(session, reason, table=queries_records.TEXT, column="sealed", row=reason_id)
        session.add(RegistrationText(id=reason_id, registration_id=row.id, sealed=sealed))
    session.add(
        RegistrationEvent(
            registration_id=row.id, command=command, from_status=was, to_status=row.status, organisation_id=row.organisation_id,
            from_organisation_id=from_organisation_id, actor_role=role, reason_id=reason_id,
        )
    )


async def erase_texts(session: AsyncSession, row: Registration) -> None:
    await session.exec(sa.delete(RegistrationText).where(col(RegistrationText.registration_id) == row.id))
