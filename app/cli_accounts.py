"""`scripts/manage account`: what an operator does for or against one account when its owner cannot: a lost device, phone or person."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import typer

from app.auth import queries, workflow
from app.auth import service as auth_service
from app.auth.models import Account
from app.auth.principal import AccountStatus
from app.db.session import AsyncSession, Database
from app.errors import AppError, InvalidTransition, NotFound
from app.settings import Settings

commands = typer.Typer(help="One account: end its sessions, stop it, take away a lost second factor.", no_args_is_help=True)
WithDatabase = Callable[[Callable[[Database], Awaitable[Any]], Settings], Any]
Step = Callable[[AsyncSession, Account], Awaitable[None]]
Who = Annotated[str, typer.Argument(help="a console name, or an account's id")]


def install(cli: typer.Typer, with_database: WithDatabase) -> None:
    """Adds the commands; `with_database` runs work over the service's database."""

    def run(who: str, step: Step, done: str) -> None:
        try:
            with_database(lambda database: applied(database, who, step), Settings())
        except AppError as refusal:
            raise SystemExit(f"{who}: {refusal.sentence} ({refusal.code})") from None
        typer.echo(f"{who}: {done}")

    @commands.command("end-sessions")
    def end(who: Who) -> None:
        """Signs every device of an account out, at once."""
        run(who, ended, "已全部下线 / signed out everywhere")

    @commands.command()
    def suspend(who: Who) -> None:
        """Stops an active account: it is out at once and cannot come in, until `resume`."""
        run(who, suspended, "已停用 / suspended")

    @commands.command()
    def resume(who: Who) -> None:
        """Lets a suspended account go on."""
        run(who, resumed, "已恢复 / resumed")

    @commands.command("reset-factor")
    def reset(who: Who) -> None:
        """Takes away a second factor whose phone and recovery codes are lost. First make sure, with a colleague, who it is that asks."""
        run(who, reset_factor, "动态验证码已解除 / the second factor is gone; all devices are signed out")

    cli.add_typer(commands, name="account")


async def applied(database: Database, who: str, step: Step) -> None:
    """Raises NotFound, and what the step raises."""
    async with database.transaction() as session:
        await step(session, await _account(session, who))


async def ended(session: AsyncSession, account: Account) -> None:
    await auth_service.end_sessions(session, account_id=account.id, reason="operator")


async def suspended(session: AsyncSession, account: Account) -> None:
    """Raises InvalidTransition for one that is not active: an account that is being cancelled would forget its day."""
    await _from(session, account, AccountStatus.ACTIVE, to=AccountStatus.SUSPENDED)
    await ended(session, account)


async def resumed(session: AsyncSession, account: Account) -> None:
    await _from(session, account, AccountStatus.SUSPENDED, to=AccountStatus.ACTIVE)


async def reset_factor(session: AsyncSession, account: Account) -> None:
    await auth_service.reset_factor(session, account_id=account.id)


async def _from(session: AsyncSession, account: Account, start: AccountStatus, *, to: AccountStatus) -> None:
    locked = await queries.lock_account(session, account.id)
    if locked.status is not start:
        raise InvalidTransition(state=locked.status, allowed=[])
    await auth_service.set_status(session, account_id=account.id, status=to)


async def _account(session: AsyncSession, who: str) -> Account:
    named = await queries.by_username(session, username=workflow.username_form(who))
    if named is None:
        try:
            named = await queries.get(session, UUID(who))
        except ValueError:
            named = None
    if named is None:
        raise NotFound
    return named
