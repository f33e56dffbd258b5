"""A rule as an answer."""

from typing import Any

from app.auth import tenants
from app.auth.principal import Principal
from app.retention.models import RetentionRule
from app.retention.rules import KEEPERS


def rule(principal: Principal, row: RetentionRule) -> dict[str, Any]:
    keeper = KEEPERS[row.code]
    return {
        "code": row.code, "title": keeper.title, "then": keeper.then, "days": row.days, "least": keeper.least, "most": keeper.most,
        "active": row.active, "version": row.version, "changed_at": row.changed_at,
        "allowed": ["update", "dry-run"] if tenants.governs(principal) else [],
    }
