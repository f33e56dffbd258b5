"""Who is told a reporter's whole name by a report is written down; who is told a part of it, or reads the own report, is not."""

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.audit.models import AuditEvent
from app.auth.roles import Role
from app.reports import reading
from tests.reports.scene import Scene, on


@pytest.mark.check("S44", part=True)
async def test_a_whole_name_that_is_read_leaves_an_event(scene: Scene) -> None:
    made = (await scene.file())["id"]
    admin = await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.street.id)])
    for who, expected in ((scene.reporter, 0), (scene.reviewer, 0), (admin, 1), (admin, 2)):
        await scene.get(who, f"/{made}")
        told = await scene.session.exec(
            sa.select(col(AuditEvent.actor_id)).where(col(AuditEvent.action) == reading.READ, col(AuditEvent.object_id) == made)
        )
        assert told.scalars().all() == [admin.id] * expected, who.id
