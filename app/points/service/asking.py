"""An award that only a second reviewer can let through waits; what it is for goes on meanwhile."""

from uuid import UUID

from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.messages import service as messages_service
from app.points.ledger import Reference
from app.points.models_conditions import PointsConfirmation
from app.points.queries_awarding import Rule
from app.points.service.judging import Claim

STAFF_PAGE = "pages/points/confirmations"


async def ask(
    session: AsyncSession, rule: Rule, claim: Claim, *, reference: Reference, points: int, actor_id: UUID | None
) -> None:
    """Writes down what waits, and tells those who may let it through."""
    row = PointsConfirmation(
        member_id=claim.member_id, rule_code=rule.code, rule_version=rule.version, source_type=reference.type, source_id=reference.id,
        source_number=reference.number, filed_on=claim.filed_on, points=points, points_each=claim.points, units=claim.units,
        subject_id=claim.subject, area_path=claim.area_path, first_actor_id=actor_id,
    )
    session.add(row)
    audit_service.record(
        session, "points.ask_second_reviewer", object_kind="points_confirmation", object_id=row.id, area_path=claim.area_path,
        rule=rule.code, points=points,
    )
    await session.flush()
    for reviewer in await auth_queries.covering(session, area_path=claim.area_path, roles=[Role.REVIEWER]):
        if reviewer not in (actor_id, claim.member_id):
            await messages_service.send(
                session, member_id=reviewer, category="points", title="有积分等待第二位审核员确认",
                body=f"{rule.title}（{reference.number or '无编号'}）：本人本周同类奖励较多，请另一位审核员核对后确认。", path=STAFF_PAGE,
                reference=("points_confirmation", row.id, reference.number),
            )
