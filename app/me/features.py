"""THE list of features that keep something about a person, from the top down: what a copy is made of, what an erasure goes through.

And what the withdrawal of a consent closes.
"""

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from app.announcements import queries as announcements_queries
from app.announcements import service as announcements_service
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.checkins import queries as checkins_queries
from app.checkins import service as checkins_service
from app.collusion import queries as collusion_queries
from app.collusion import service as collusion_service
from app.complaints import queries as complaints_queries
from app.complaints import service as complaints_service
from app.coverage import queries as coverage_queries
from app.coverage import service as coverage_service
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.enterprises import service as enterprises_service
from app.groups import queries as groups_queries
from app.groups import service as groups_service
from app.me import queries as me_queries
from app.me import reveals
from app.members import queries as members_queries
from app.members import service as members_service
from app.members.models import Purpose
from app.messages import queries as messages_queries
from app.messages import service as messages_service
from app.moderation import queries as moderation_queries
from app.moderation import service as moderation_service
from app.points import queries as points_queries
from app.points import service as points_service
from app.proofs import queries as proofs_queries
from app.proofs import service as proofs_service
from app.publicity import queries as publicity_queries
from app.publicity import service as publicity_service
from app.redemptions import queries as redemptions_queries
from app.redemptions import service as redemptions_service
from app.registrations import queries as registrations_queries
from app.registrations import service as registrations_service
from app.reports import queries as reports_queries
from app.reports import service as reports_service
from app.rewards import queries as rewards_queries
from app.rewards import service as rewards_service
from app.rosters import queries as rosters_queries
from app.rosters import service as rosters_service
from app.signals import queries as signals_queries
from app.signals import service as signals_service
from app.statements import queries as statements_queries
from app.statements import service as statements_service
from app.stores import queries_applications as stores_queries_applications
from app.stores import service as stores_service
from app.units import queries as units_queries
from app.units import service as units_service
from app.uploads import queries as uploads_queries
from app.uploads import service as uploads_service


class Forget(Protocol):
    async def __call__(self, session: AsyncSession, *, member_id: UUID) -> Any: ...


class Export(Protocol):
    async def __call__(self, session: AsyncSession, *, member_id: UUID) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    forget: Forget
    export: Export


FEATURES: tuple[Feature, ...] = (
    Feature("reveals", reveals.forget, me_queries.export),
    Feature("signals", signals_service.forget, signals_queries.export),
    Feature("collusion", collusion_service.forget, collusion_queries.export),
    Feature("moderation", moderation_service.forget, moderation_queries.export),
    Feature("redemptions", redemptions_service.forget, redemptions_queries.export),
    Feature("proofs", proofs_service.forget, proofs_queries.export),
    Feature("reports", reports_service.forget, reports_queries.export),
    Feature("rosters", rosters_service.forget, rosters_queries.export),
    Feature("units", units_service.forget, units_queries.export),
    Feature("statements", statements_service.forget, statements_queries.export),
    Feature("announcements", announcements_service.forget, announcements_queries.export),
    Feature("publicity", publicity_service.forget, publicity_queries.export),
    Feature("rewards", rewards_service.forget, rewards_queries.export),
    Feature("registrations", registrations_service.forget, registrations_queries.export),
    Feature("checkins", checkins_service.forget, checkins_queries.export),
    Feature("coverage", coverage_service.forget, coverage_queries.export),
    Feature("complaints", complaints_service.forget, complaints_queries.export),
    Feature("stores", stores_service.forget, stores_queries_applications.export),
    Feature("groups", groups_service.forget, groups_queries.export),
    Feature("points", points_service.forget, points_queries.export),
    Feature("messages", messages_service.forget, messages_queries.export),
    Feature("uploads", uploads_service.forget, uploads_queries.export),
    Feature("members", members_service.forget, members_queries.export),
    Feature("enterprises", enterprises_service.forget, enterprises_queries.export),
    Feature("auth", auth_service.forget, auth_queries.export),
)


async def _close_party(session: AsyncSession, *, member_id: UUID) -> None:
    await registrations_service.close_party(session, member_id=member_id)
    await announcements_service.forget_party(session, member_id=member_id)


# What a withdrawn consent closes at once. The other purposes are asked for whenever something would be done under them.
CLOSED_BY: dict[Purpose, Forget] = {
    Purpose.PARTY_IDENTITY: _close_party,
    Purpose.EMPLOYER_STATEMENT: statements_service.withdraw,
    Purpose.RISK_CHECK: signals_service.forget_risk,
}
