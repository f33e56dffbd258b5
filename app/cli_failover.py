"""`scripts/manage promote`: makes a standby the primary, in the one order in which nobody waits for a standby that is not there."""

import asyncio
from typing import Annotated, Any

import asyncpg
import typer

PROMOTE_SECONDS = 60
STREAMING = "select coalesce((select status = 'streaming' from pg_stat_wal_receiver), false)"


class Refused(Exception):
    """Its text is for the operator."""


def install(cli: typer.Typer) -> None:
    @cli.command()
    def promote(
        standby: Annotated[str, typer.Argument(help="postgresql:// address of the one server, with an administrator's login")],
        force: Annotated[bool, typer.Option("--force", help="although the primary still sends: it has been fenced another way")] = False,
    ) -> None:
        """Makes a standby the primary and lets it commit alone. On a primary that waits for a lost standby: lets it go on.

        The old primary must be switched off first, and must not come back but as a copy of the new one.
        """
        try:
            typer.echo(asyncio.run(_promote(standby, force=force)))
        except (Refused, OSError, asyncpg.PostgresError) as refusal:
            raise SystemExit(f"{refusal}") from None


def main() -> None:
    """By itself it starts in a fraction of a second, and all that time nothing can be written."""
    alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    install(alone)
    alone()


async def _promote(url: str, *, force: bool) -> str:
    """Commits that wait are let go by the setting, never by cancelling them."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        standby = await connection.fetchval("select pg_is_in_recovery()")
        if standby and not force and await connection.fetchval(STREAMING):
            raise Refused("主库仍在发送日志,请先停掉它,或加 --force / the primary still sends: switch it off first, or --force")
        await connection.execute("alter system set synchronous_standby_names = ''")
        await connection.execute("select pg_reload_conf()")
        if standby:
            await _become_primary(connection)
    finally:
        await connection.close()
    done = "已升为主库 / is the primary now" if standby else "本来就是主库 / was the primary already"
    return f"{done}; 提交不再等待备库,建好新备库后再设 synchronous_standby_names / commits wait for no standby: set it again with a new one"


async def _become_primary(connection: "asyncpg.Connection[Any]") -> None:
    if not await connection.fetchval("select pg_promote(true, $1)", PROMOTE_SECONDS):
        raise Refused(f"{PROMOTE_SECONDS} 秒内未完成 / it did not become the primary within {PROMOTE_SECONDS} s: see its log")


if __name__ == "__main__":
    main()
