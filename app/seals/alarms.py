"""Who is told that history was tampered with: the log, which operators are alerted by, an audit event, and those who answer for it."""

from collections.abc import Sequence

from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.roles import Role
from app.db.session import Database
from app.figures import SEALS_BROKEN
from app.messages import service as messages_service
from app.observability import get_logger
from app.seals.findings import Finding, Wrong

log = get_logger(__name__)

TOLD = (Role.PLATFORM_ADMIN, Role.AUDITOR)
TITLE = "账目与审计记录的封存校验未通过"
ADVICE = "请立即运行 scripts/manage audit-verify 核查，查清之前不要改动数据库。"


async def raise_alarm(database: Database, findings: Sequence[tuple[Finding, int]]) -> None:
    """`findings` are the first of each sort and how many there are of it; one message tells the first of all."""
    for finding, count in findings:
        SEALS_BROKEN.inc()
        log.error(
            "seals.broken", wrong=finding.wrong, count=count, block=finding.block, table=finding.kind and finding.kind.table,
            row=str(finding.row_id) if finding.row_id else None,
        )
    first = findings[0][0]
    async with database.transaction() as session:
        for finding, count in findings:
            audit_service.record(
                session, "seals.broken", object_kind=finding.kind.table if finding.kind else "seal_block", object_id=finding.row_id,
                outcome="error", reason=finding.wrong, block=finding.block, count=count,
            )
        for account_id in await auth_queries.holding(session, roles=TOLD):
            await messages_service.send(
                session, member_id=account_id, category="system", title=TITLE, body=f"{_told(first)}。{ADVICE}",
                moment="system_alarm",
            )


def cut(number: int) -> tuple[Finding, int]:
    """What a sealer finds whose own last block is not there any more."""
    return Finding(Wrong.MISSING, number, note="sealed by a worker that runs, and gone"), 1


def _told(finding: Finding) -> str:
    block = f"第 {finding.block} 块" if finding.block is not None else ""
    row = f"{finding.kind.table} {finding.row_id}" if finding.kind is not None else ""
    return f"首处问题：{' '.join(filter(None, (block, row)))} {finding.wrong}"
