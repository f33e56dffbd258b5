"""Bringing a database to the present schema: Alembic, under one advisory lock so that replicas that start together do not collide."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

ROOT = Path(__file__).resolve().parents[2]


def configuration(url: str | None = None) -> Config:
    """`url` is a postgresql:// address; none for work that needs no database."""
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Applies every migration that is missing, each in a transaction of its own. Not inside a running event loop."""
    command.upgrade(configuration(url), "head")


def upgrade_over(connection: Connection) -> None:
    """All in the one transaction of a connection that the caller has (`AsyncConnection.run_sync`)."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
