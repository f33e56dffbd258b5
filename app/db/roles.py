"""The database roles that processes act as. One address for all: its login owns the tables, runs the migrations, and becomes a role.

`xinxin_app` owns nothing: it makes no tables, turns no trigger off, and of history (the tables whose triggers refuse changes) it can
neither update nor delete a row. `xinxin_keeper` may also end what was kept long enough. Their privileges stand in migration 0027.
`xinxin_service` has those of `xinxin_app` and passes row security: what acts for no single person (`acting.SERVICE`, migration 0054).

This guards against our own mistakes, not against whoever gets to run SQL of their own on our connection: RESET ROLE leads back to the
role, but SET ROLE NONE leads to the owner.
"""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

APP, KEEPER, SERVICE = "xinxin_app", "xinxin_keeper", "xinxin_service"
REFUSED = frozenset({"22023", "42501"})  # there is no such role; this login may not become it
UNUSABLE = (
    f"数据库角色 {APP} 或 {SERVICE} 不存在或未授予此账号,请先运行 scripts/manage migrate / the database role {APP} or {SERVICE} is "
    "missing or not granted to this login: run scripts/manage migrate first"
)


def start_settings(role: str | None) -> dict[str, str]:
    """What a new connection says of its role as it starts, without a round trip. None stays the owner."""
    return {"role": role} if role else {}


async def require(engine: AsyncEngine) -> None:
    """Raises SystemExit when the database does not let this process act as its role. One that is away for now is for the requests."""
    try:
        async with engine.connect():
            return
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in REFUSED:
            raise SystemExit(UNUSABLE) from None
    except OSError:
        return
