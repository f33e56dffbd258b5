"""The demo's people: who they are to WeChat's simulator, how they come in, and acting as one of them."""

from uuid import UUID

from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.demo import names, plan
from app.members import queries as members_queries
from app.members import service as members_service
from app.wechat.simulator import world

ADMINS = ("区管理员一", "区管理员二")
AUDITOR = "审计员"
INSTRUCTOR = "党建指导员"


def reviewer(area: plan.AreaPlan) -> str:
    return f"审核员-{area.name}"


def worker(area: plan.AreaPlan) -> str:
    return f"网格员-{area.name}"


def secretary(organisation: str) -> str:
    return f"书记-{organisation}"


def contact(enterprise: int) -> str:
    return f"企业联络员-{names.ENTERPRISES[enterprise][0]}"


def owner(store: plan.StorePlan) -> str:
    return f"店主-{store.name}"


def clerk(store: plan.StorePlan) -> str:
    return f"店员-{store.name}"


def phone(person: str) -> str:
    """The number that the simulator tells for this person, so that the phone button finds it bound already."""
    return world.own_phone(person)


async def known(session: AsyncSession, *, appid: str, person: str) -> UUID | None:
    """The account of a person of the demo; None before it came in."""
    account = await auth_queries.by_openid(session, openid=world.openid(appid, person))
    return None if account is None else account.id


async def principal(session: AsyncSession, *, appid: str, person: str) -> Principal:
    """Raises LookupError for somebody who never came in."""
    account_id = await known(session, appid=appid, person=person)
    if account_id is None:
        raise LookupError(person)
    return await auth_queries.principal_of(session, account_id=account_id)


async def versions(session: AsyncSession) -> dict[str, str]:
    """Purpose → the version of the text in force."""
    return {text.purpose.value: text.version for text in await members_queries.consent_texts(session)}


async def arrive(session: AsyncSession, *, appid: str, person: str) -> UUID:
    """A person signs in, perhaps for the first time, and acts from now on."""
    account = await auth_service.ensure_account(session, openid=world.openid(appid, person))
    act_as(session, account.id)
    return account.id


async def enter(session: AsyncSession, *, appid: str, person: str, service_version: str) -> UUID:
    """A person signs in for the first time, agrees to the service, binds the phone."""
    account_id = await arrive(session, appid=appid, person=person)
    await members_service.give_consent(session, member_id=account_id, purpose="service", version=service_version, granted=True)
    await members_service.bind_phone(session, member_id=account_id, phone=phone(person))
    return account_id


async def appoint(session: AsyncSession, account_id: UUID, role: Role, scope_type: ScopeType, scope_id: UUID | None) -> None:
    """Gives a role of the demo's staff; nobody is named as its giver."""
    session.info["actor"] = {"kind": "job"}
    await auth_service.appoint(session, account_id=account_id, role=role, scope_type=scope_type, scope_id=scope_id)


def act_as(session: AsyncSession, account_id: UUID) -> None:
    """Whoever acts next, for the audit trail."""
    session.info["actor"] = {"kind": "wechat", "id": account_id}
