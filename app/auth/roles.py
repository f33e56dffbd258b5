"""Roles and the kinds of scope that a grant of each may have (domain.md, "Who uses it")."""

from enum import StrEnum


class Role(StrEnum):
    REVIEWER = "reviewer"
    GRID_WORKER = "grid_worker"
    STORE_OWNER = "store_owner"
    STORE_CLERK = "store_clerk"
    ENTERPRISE_CONTACT = "enterprise_contact"
    ORG_SECRETARY = "org_secretary"
    INSTRUCTOR = "instructor"
    AREA_ADMIN = "area_admin"
    AUDITOR = "auditor"
    PLATFORM_ADMIN = "platform_admin"


class ScopeType(StrEnum):
    AREA = "area"
    STORE = "store"
    ORGANISATION = "organisation"
    ENTERPRISE = "enterprise"
    PLATFORM = "platform"


SCOPES: dict[Role, frozenset[ScopeType]] = {
    Role.REVIEWER: frozenset({ScopeType.AREA}),
    Role.GRID_WORKER: frozenset({ScopeType.AREA}),
    Role.STORE_OWNER: frozenset({ScopeType.STORE}),
    Role.STORE_CLERK: frozenset({ScopeType.STORE}),
    Role.ENTERPRISE_CONTACT: frozenset({ScopeType.ENTERPRISE}),
    Role.ORG_SECRETARY: frozenset({ScopeType.ORGANISATION}),
    Role.INSTRUCTOR: frozenset({ScopeType.ORGANISATION, ScopeType.ENTERPRISE}),
    Role.AREA_ADMIN: frozenset({ScopeType.AREA}),
    Role.AUDITOR: frozenset({ScopeType.AREA}),
    Role.PLATFORM_ADMIN: frozenset({ScopeType.PLATFORM}),
}

# 三员分立: administration, security and audit duties are never held by one account.
SEPARATE = ({Role.PLATFORM_ADMIN, Role.AREA_ADMIN}, {Role.AUDITOR})
