"""THE few places where a lower folder asks a higher one, each with exactly one provider. Loaded by main, worker and cli."""

from app import health
from app.announcements import queries as announcements_queries
from app.announcements import service as announcements_service
from app.backups import queries as backups_queries
from app.checkins import certificates
from app.complaints import queries as complaints_queries
from app.enterprises import queries as enterprises_queries
from app.groups import queries as groups_queries
from app.groups import service as groups_service
from app.jobs import queries as jobs_queries
from app.moderation import queries as moderation_queries
from app.organisations import queries as organisations_queries
from app.points import proposals, queries_freezes
from app.points import queries_merits as points_queries_merits
from app.points import queries_proposals as points_queries_proposals
from app.qrcodes import ports as qrcodes_ports
from app.qrcodes.models import Purpose
from app.reports import queries as reports_queries
from app.reports import views_eyes as reports_views_eyes
from app.rewards import queries as rewards_queries
from app.rewards import service as rewards_service
from app.seals import queries as seals_queries
from app.stores import queries as stores_queries
from app.stores import queries_applications as stores_queries_applications
from app.stores import queries_invitations as stores_queries_invitations
from app.uploads import ports as uploads_ports
from app.wechat import queries as wechat_queries


def connect() -> None:
    """Registers every provider. Called once, when a process is built."""
    health.measured(seals_queries.measured)
    health.measured(jobs_queries.measured)
    health.measured(backups_queries.measured)
    health.measured(queries_freezes.measured)
    health.measured(moderation_queries.measured)
    health.measured(wechat_queries.measured)
    for kind in (proposals.ADJUSTMENT, proposals.CLAWBACK):
        uploads_ports.owner(kind, points_queries_proposals.may_see_proof)
    uploads_ports.owner(points_queries_merits.AWARD, points_queries_merits.may_see_proof)
    for kind in ("report_before", "report_after", "report_reopen"):
        uploads_ports.owner(
            kind, reports_queries.may_see, reports_queries.may_see_original, may_see_unpassed=reports_views_eyes.may_see_unpassed
        )
    uploads_ports.owner("complaint", complaints_queries.may_see)
    uploads_ports.owner(rewards_service.PHOTO, rewards_queries.may_see_photo, shown_to_all=True)
    uploads_ports.owner(
        announcements_service.PHOTOS, announcements_queries.may_see_photo, may_see_unpassed=announcements_queries.may_see_unpassed,
        vouched=True,
    )
    uploads_ports.owner(groups_service.PHOTO, groups_queries.may_see_photo, may_see_unpassed=groups_queries.may_see_unpassed, vouched=True)
    uploads_ports.owner("store", stores_queries.may_see_photos, shown_to_all=True)
    uploads_ports.owner("store_application", stores_queries_applications.may_see)
    qrcodes_ports.target(
        Purpose.REGISTRATION, organisations_queries.may_issue_qrcode, organisations_queries.describe, organisations_queries.by_ids,
        organisations_queries.expect_in_being,
    )
    qrcodes_ports.target(
        Purpose.ENTERPRISE, enterprises_queries.may_issue_qrcode, enterprises_queries.describe, enterprises_queries.by_ids,
        enterprises_queries.expect_open,
    )
    qrcodes_ports.target(Purpose.STORE, stores_queries.may_issue_qrcode, stores_queries.describe, stores_queries.by_ids)
    qrcodes_ports.target(Purpose.STORE_STAFF, stores_queries_invitations.may_issue, stores_queries_invitations.describe)
    qrcodes_ports.target(Purpose.CERTIFICATE, certificates.may_issue, certificates.describe)
