"""What a member is told about an order."""

from uuid import UUID

from app.db.session import AsyncSession
from app.messages import service as messages_service

PAGE = "pages/redemptions/detail?id={id}"


async def tell(session: AsyncSession, member_id: UUID, redemption_id: UUID, number: str, title: str, body: str) -> None:
    await messages_service.send(
        session, member_id=member_id, category="redemption", title=title, body=body, path=PAGE.format(id=redemption_id),
        reference=("redemption", redemption_id, number),
    )
