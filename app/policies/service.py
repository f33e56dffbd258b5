"""Publishing a version of a policy text."""

from datetime import date, timedelta

from app import clock
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import AlreadyExists, Conflict, ValidationFailed
from app.members import workflow as members_workflow
from app.policies import queries
from app.policies.models import PolicyCode, PolicyText
from app.security import throttles

AHEAD = timedelta(days=180)  # a wrong year would lock the document: nothing may take effect before what is announced


async def publish(
    session: AsyncSession, *, principal: Principal, code: PolicyCode, version: str, title: str, text: str, effective_on: date | None
) -> PolicyText:
    """Adds a version that takes effect on a local day, today unless one is given; people can read it until then.

    Raises Forbidden for who does not run the platform from the console, ValidationFailed for a day that has passed or is too far off,
    AlreadyExists for a version that the document has, Conflict for a day before that of a version that is announced already.
    """
    members_workflow.require_publisher(principal)
    today = clock.today()
    day = effective_on or today
    if day < today:
        raise ValidationFailed.of("body", "effective_on", msg="生效日不能早于今天", kind="effective_on")
    if day > today + AHEAD:
        raise ValidationFailed.of("body", "effective_on", msg=f"生效日最晚在 {AHEAD.days} 天以后", kind="effective_on")
    await throttles.hold(session, f"policies.publish:{code.value}")
    known = await queries.versions(session, code=code)
    if any(one.version == version for one, _ in known):
        raise AlreadyExists("该文件已有这个版本号")
    if known and known[0][0].effective_on > day:
        raise Conflict("已有生效日更晚的版本，新版本的生效日不能早于它")
    published = PolicyText(code=code, version=version, title=title, text=text, effective_on=day)
    session.add(published)
    await session.flush()
    audit_service.record(
        session, "policies.publish", object_kind="policy_text", object_id=published.id, code=code.value, version=version,
        effective_on=day.isoformat(),
    )
    return published
