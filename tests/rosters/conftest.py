"""Branches, an enterprise with its contact, people who register, and files."""

import io

import openpyxl
import pytest
import sqlalchemy as sa

from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.enterprises.models import Enterprise, EnterpriseKind
from tests.support.registering import body, branch, command, other_branch, registered

__all__ = ["HEAD", "body", "branch", "command", "other_branch", "registered", "send", "sheet"]

HEAD = "姓名,手机号,入职日期,备注\n"


def sheet(*rows) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def send(client, who, path: str, data: bytes | str, **headers: str):
    content = data.encode() if isinstance(data, str) else data
    return await client.post(f"/api/v1/{path}/roster", files={"file": ("roster.csv", content, "text/csv")}, headers=who.headers | headers)


@pytest.fixture
async def enterprise(session, county):
    made = Enterprise(
        name="迅达配送有限公司", uscc="91370812MA3C4D5E69", kind=EnterpriseKind.FRANCHISE, area_id=county.root.id,
        area_path=county.root.path, tenant_id=county.root.id,
    )
    session.add(made)
    await session.flush()
    await put_scope(session, scope_type=ScopeType.ENTERPRISE, scope_id=made.id, area_path=made.area_path, name=made.name)
    return made


@pytest.fixture
async def contact(people, enterprise):
    return await people.member(grants=[(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, enterprise.id)])


@pytest.fixture
def work(session, queued, run_job):
    """Runs the jobs of rosters that wait, oldest first, and takes them out of the queue as the worker does."""
    async def run() -> None:
        for name, payload in [job for job in await queued(session) if job[0].startswith("rosters.")]:
            await run_job(name, payload)
        await (await session.connection()).execute(sa.text("delete from jobs.pgqueuer where entrypoint like 'rosters.%'"))

    return run
