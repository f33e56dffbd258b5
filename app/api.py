"""THE list of routers."""

from fastapi import APIRouter, FastAPI

from app import health
from app.announcements import routes as announcements_routes
from app.areas import routes as areas_routes
from app.auth import routes as auth_routes
from app.budgets import routes as budgets_routes
from app.categories import routes_reports as categories_routes_reports
from app.checkins import routes_areas as checkins_routes_areas
from app.collusion import routes as collusion_routes
from app.complaints import routes as complaints_routes
from app.coverage import routes as coverage_routes
from app.coverage import routes_enterprises as coverage_routes_enterprises
from app.coverage import routes_organisations as coverage_routes_organisations
from app.discounts import routes as discounts_routes
from app.discounts import routes_members as discounts_routes_members
from app.discounts import routes_stores as discounts_routes_stores
from app.dispatching import routes_reports as dispatching_routes_reports
from app.dispatching import routes_routing_rules as dispatching_routes_routing_rules
from app.enterprises import routes as enterprises_routes
from app.groups import routes as groups_routes
from app.inbox import routes_reports as inbox_routes_reports
from app.inbox import routes_reports_search as inbox_routes_reports_search
from app.invariants import routes_points as invariants_routes_points
from app.me import routes_members as me_routes_members
from app.me import routes_reports as me_routes_reports
from app.members import routes as members_routes
from app.messages import routes as messages_routes
from app.messages import routes_templates as messages_routes_templates
from app.moderation import routes as moderation_routes
from app.organisations import routes as organisations_routes
from app.organisations import routes_words as organisations_routes_words
from app.points import routes as points_routes
from app.points import routes_awards as points_routes_awards
from app.points import routes_rules as points_routes_rules
from app.policies import routes as policies_routes
from app.proofs import routes_page as proofs_routes_page
from app.proofs import routes_reports as proofs_routes_reports
from app.publicity import routes_points as publicity_routes_points
from app.publicity import routes_points_shortlists as publicity_routes_points_shortlists
from app.qrcodes import routes as qrcodes_routes
from app.qrcodes import routes_landing as qrcodes_routes_landing
from app.qrcodes import routes_organisations as qrcodes_routes_organisations
from app.redemptions import routes as redemptions_routes
from app.redemptions import routes_stores as redemptions_routes_stores
from app.redemptions import routes_stores_settlements as redemptions_routes_stores_settlements
from app.redemptions import routes_stores_slips as redemptions_routes_stores_slips
from app.registrations import routes as registrations_routes
from app.reports import routes as reports_routes
from app.reports import routes_claims as reports_routes_claims
from app.reports import routes_clocks as reports_routes_clocks
from app.reports import routes_commands as reports_routes_commands
from app.reports import routes_duplicates as reports_routes_duplicates
from app.reports import routes_points as reports_routes_points
from app.reports import routes_workflow as reports_routes_workflow
from app.retention import routes_retention_rules as retention_routes_rules
from app.rewards import routes as rewards_routes
from app.rosters import routes_enterprises as rosters_routes_enterprises
from app.rosters import routes_organisations as rosters_routes_organisations
from app.signals import routes_reports as signals_routes_reports
from app.statements import routes_enterprises as statements_routes_enterprises
from app.statistics import routes_reports as statistics_routes_reports
from app.stores import routes as stores_routes
from app.stores import routes_applications as stores_routes_applications
from app.stores import routes_contracts as stores_routes_contracts
from app.stores import routes_invitations as stores_routes_invitations
from app.units import routes as units_routes
from app.units import routes_routing_rules as units_routes_routing_rules
from app.uploads import routes as uploads_routes
from app.wechat import routes_push
from app.workdays import routes as workdays_routes

# Features, under the base path of the contract.
ROUTERS: tuple[APIRouter, ...] = (
    redemptions_routes.router,
    categories_routes_reports.router,
    statistics_routes_reports.router,
    reports_routes_workflow.router,
    reports_routes_clocks.router,
    inbox_routes_reports.router,
    inbox_routes_reports_search.router,
    reports_routes_claims.router,
    dispatching_routes_reports.router,
    reports_routes.router,
    reports_routes_commands.router,
    me_routes_reports.router,
    proofs_routes_reports.router,
    reports_routes_duplicates.router,
    signals_routes_reports.router,
    points_routes.router,
    invariants_routes_points.router,
    points_routes_rules.router,
    points_routes_awards.router,
    reports_routes_points.router,
    publicity_routes_points.router,
    publicity_routes_points_shortlists.router,
    auth_routes.router,
    members_routes.router,
    me_routes_members.router,
    uploads_routes.router,
    redemptions_routes_stores.router,
    redemptions_routes_stores_settlements.router,
    redemptions_routes_stores_slips.router,
    discounts_routes_stores.router,
    discounts_routes_members.router,
    discounts_routes.router,
    budgets_routes.router,
    rewards_routes.router,
    stores_routes_applications.router,
    stores_routes_invitations.router,
    stores_routes.router,
    stores_routes_contracts.router,
    areas_routes.router,
    checkins_routes_areas.router,
    organisations_routes_words.router,
    organisations_routes.router,
    enterprises_routes.router,
    coverage_routes.router,
    coverage_routes_organisations.router,
    coverage_routes_enterprises.router,
    statements_routes_enterprises.router,
    messages_routes.router,
    messages_routes_templates.router,
    registrations_routes.router,
    rosters_routes_enterprises.router,
    rosters_routes_organisations.router,
    qrcodes_routes.router,
    qrcodes_routes_organisations.router,
    announcements_routes.router,
    groups_routes.router,
    policies_routes.router,
    complaints_routes.router,
    collusion_routes.router,
    moderation_routes.router,
    retention_routes_rules.router,
    workdays_routes.router,
    units_routes.router,
    dispatching_routes_routing_rules.router,
    units_routes_routing_rules.router,
)

# Service endpoints, at the root.
ROOT_ROUTERS: tuple[APIRouter, ...] = (health.router, routes_push.router, qrcodes_routes_landing.router, proofs_routes_page.router)


def include_routers(app: FastAPI) -> None:
    """Takes every feature's routes as they are: included routers would be asked one after the other, and each of their routes twice."""
    for router in (*ROUTERS, *ROOT_ROUTERS):
        app.router.routes.extend(router.routes)
