"""Members who signed in, agreed, and bound a number."""

from datetime import timedelta
from typing import Any

from app.auth.models import Account
from app.auth.principal import AccountKind
from app.db.session import AsyncSession
from app.demo.generating.plan import Plan, id_at
from app.demo.generating.sheets import Sheets
from app.members.models import Consent, Member, Purpose
from app.security import sealing
from app.wechat.simulator import world

PURPOSES = (Purpose.LOCATION, Purpose.SERVICE)
MINUTE = timedelta(minutes=1)


def person(member: int) -> str:
    """Who it is to the simulator, so that it can sign in."""
    return f"生成-{member:06d}"


def phone(member: int) -> str:
    """No two have the same, and nobody of the demo has one of these."""
    return f"198{member:08d}"


def write(sheets: Sheets, session: AsyncSession, plan: Plan, member: int, *, appid: str, versions: dict[str, str]) -> None:
    at, chance = plan.came_at(member), plan.chance_of_member(member)
    made, number, openid = id_at(at, chance), phone(member), world.openid(appid, person(member))
    sheets.write(
        Account, chance, at, id=made, kind=AccountKind.WECHAT, consented=[one.value for one in PURPOSES],
        openid_index=sealing.blind_index(session, openid, purpose="openid"),
        openid_sealed=sealing.seal(session, openid, table="account", column="openid", row=made),
        phone_index=sealing.blind_index(session, number, purpose="phone"),
        phone_sealed=sealing.seal(session, number, table="account", column="phone", row=made),
    )
    sheets.audit(chance, at, made, "auth.create_account", object_kind="account", object_id=made)
    sheets.write(Member, chance, at + MINUTE, id=made)
    for purpose in PURPOSES:
        yes: dict[str, Any] = {"purpose": purpose.value, "version": versions[purpose.value], "granted": True}
        sheets.write(Consent, chance, at + MINUTE, member_id=made, **yes)
        sheets.audit(chance, at + MINUTE, made, "members.consent", object_kind="member", object_id=made, **yes)
    sheets.audit(chance, at + 2 * MINUTE, made, "auth.bind_phone", object_kind="account", object_id=made)
