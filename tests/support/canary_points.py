"""A chapter of the canary's story: what officials write when they decide about the rider's points."""


from app import clock
from app.db.base import new_id
from app.points.models_conditions import PointsConfirmation, PointsEarningStop
from tests.support.canary_person import Story


async def decided(story: Story) -> None:
    """A report that was said to be false and was not, a hazard that a second reviewer refused, a stop that was lifted."""
    admin, second = story.staff["admin"], story.staff["second admin"]
    report = next(one for one in (await story.rider.sees("/reports/mine"))["items"] if one["status"] not in ("submitted", "withdrawn"))
    asked = {
        "report_id": report["id"], "rule_code": "FALSE_REPORT", "reason": story.word("award reason"), "upload_id": await admin.photo(),
    }
    proposal = (await admin.does("POST", "/points/awards", asked))["id"]
    await second.does("POST", f"/points/awards/{proposal}/reject")
    confirmation, stop = await _wait_and_stop(story, proposal)
    await story.staff["second reviewer"].does(
        "POST", f"/points/confirmations/{confirmation}/refuse", {"reason": story.word("refusal reason")}
    )
    await second.does("POST", f"/points/earning-stops/{stop}/lift", {"reason": story.word("lift reason")})


async def _wait_and_stop(story: Story, cause: str) -> tuple[str, str]:
    """As four hazards and three false reports would leave them."""
    async with story.database.transaction() as session:
        where = {"member_id": story.rider_id, "area_path": story.county.community.path}
        waits = PointsConfirmation(
            rule_code="HAZARD_ACCEPTED", rule_version=1, source_type="report", source_id=new_id(), filed_on=clock.today(), points=50,
            first_actor_id=story.staff["reviewer"].id, **where,
        )
        stop = PointsEarningStop(starts_on=clock.today(), until=clock.today(), cause_id=cause, **where)
        session.add_all([waits, stop])
        return str(waits.id), str(stop.id)
