"""What was declared about the Party, sealed as a whole."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from app.db.session import AsyncSession
from app.registrations import queries_records
from app.registrations.models import Declaration
from app.security import sealing


async def write(session: AsyncSession, registration_id: UUID, declared: dict[str, Any]) -> None:
    """Puts this in the place of what was declared before."""
    text = json.dumps(declared, ensure_ascii=False)
    sealed = sealing.seal(session, text, table=queries_records.DECLARATION, column="sealed", row=registration_id)
    await session.exec(
        insert(Declaration)
        .values(registration_id=registration_id, sealed=sealed)
        .on_conflict_do_update(index_elements=["registration_id"], set_={"sealed": sealed})
    )
