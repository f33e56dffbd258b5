"""`scripts/manage wechat`: what an operator does about WeChat: quotas that are used up, and a token that has leaked."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from app import parts
from app.audit import service as audit_service
from app.db.session import Database
from app.errors import WeChatUnavailable
from app.settings import Settings
from app.wechat import queries, stop_store

commands = typer.Typer(help="WeChat: calls without quota, a new access token.", no_args_is_help=True)
WithDatabase = Callable[[Callable[[Database], Awaitable[Any]], Settings], Any]


def install(cli: typer.Typer, with_database: WithDatabase) -> None:
    """Adds the commands; `with_database` runs work over the service's database."""

    @commands.command()
    def quota(
        lift: Annotated[str | None, typer.Option(help="let this path go again: the console has raised or cleared its quota")] = None,
    ) -> None:
        """Shows the calls that rest because their quota is used up, as a rule until midnight in Beijing."""
        typer.echo("\n".join(with_database(lambda database: stopped(database, lift), Settings())) or "没有停用的调用 / nothing rests")

    @commands.command("new-token")
    def new_token() -> None:
        """Ends the access token at once and fetches another: after a leak only, at most 20 times a day."""
        settings = Settings()
        if not settings.wechat_base_url:
            raise SystemExit("XINXIN_WECHAT_BASE_URL 未设置 / is not set")
        try:
            with_database(lambda database: replaced(database, settings), settings)
        except WeChatUnavailable as refusal:
            raise SystemExit(f"{refusal.sentence} ({refusal.code})") from None
        typer.echo("旧的令牌已作废 / the old token has ended")

    cli.add_typer(commands, name="wechat")


async def stopped(database: Database, lift: str | None) -> list[str]:
    """What rests; `lift` ends one of them, on the record."""
    async with database.transaction() as session:
        if lift and await stop_store.lift(session, path=lift):
            audit_service.record(session, "wechat.lift_stop", object_kind="wechat_call", object_id=None, path=lift)
        return await queries.stopped_calls(session)


async def replaced(database: Database, settings: Settings) -> None:
    """Raises WeChatUnavailable: the old token stays."""
    client = parts.wechat_client(settings, database)
    try:
        await client.replace_token()
    finally:
        await client.aclose()
    async with database.transaction() as session:
        audit_service.record(session, "wechat.replace_token", object_kind="wechat_token", object_id=None)
