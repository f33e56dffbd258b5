"""A chapter of the canary's story: the lens has shown the rider twice; an official has answered once, in own words."""

from uuid import UUID

from app import clock
from app.collusion.models import CollusionCase, CollusionReason, ReasonCode
from tests.support.canary_person import Story


async def examined(story: Story) -> None:
    admin = story.staff["admin"]
    case = await _case(story)
    await admin.does("POST", f"/collusion/cases/{case}/dismiss", {"note": story.word("case note")})
    await _case(story)


async def _case(story: Story) -> UUID:
    """As a night leaves it."""
    today = clock.today()
    async with story.database.transaction() as session:
        case = CollusionCase(
            store_id=UUID(story.places["shop"]), clerk_id=UUID(story.staff["clerk"].id), member_id=story.rider_id
        )
        session.add(case)
        await session.flush()
        session.add(
            CollusionReason(
                case_id=case.id, code=ReasonCode.QUICK, observed=6, expected=600, support=9, window_from=today, window_to=today
            )
        )
        return case.id
