"""Rows of invitations as answers."""

from collections.abc import Sequence
from typing import Any

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.qrcodes import views as qrcodes_views
from app.qrcodes import workflow as qrcodes_workflow
from app.qrcodes.workflow import State
from app.security import typed_codes
from app.stores import workflow_applications
from app.stores.queries_invitations import Invited
from app.stores.schemas_invitations import StaffInvitationOut

HIDDEN: dict[str, Any] = {"code": None, "scene": None, "landing_url": None, "image_url": None}


def shown(session: AsyncSession, principal: Principal, rows: Sequence[Invited]) -> list[StaffInvitationOut]:
    return [one(session, principal, row) for row in rows]


def one(session: AsyncSession, principal: Principal, row: Invited) -> StaffInvitationOut:
    """Whoever holds the code can hand it on: it is shown to those only who could give the role themselves."""
    code, may = row.code, workflow_applications.may_hire(principal, row.store, row.invitation.role)
    active = qrcodes_workflow.state(code, row.now) is State.ACTIVE
    secret = HIDDEN if not may else {
        "code": typed_codes.grouped(code.scene.upper()), "scene": code.scene,
        "landing_url": qrcodes_views.landing_url(session, code.scene), "image_url": qrcodes_views.image_url(session, code.scene),
    }
    return StaffInvitationOut.model_validate(
        secret | {
            "id": row.invitation.id, "role": row.invitation.role, "expires_at": code.expires_at, "max_uses": code.max_uses,
            "uses": code.uses, "active": active, "created_at": code.created_at, "allowed": ["revoke"] if may and active else [],
        }
    )
