"""The house keeps its rules: rungs, budgets, one head of migrations, models = migrations, settings = their sample, jobs = handlers."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from app.db import migrate
from app.db import session as db_session
from app.jobs.registry import HANDLERS, PERIODIC
from app.settings import Settings
from tests.conftest import new_database

ROOT = Path(__file__).resolve().parents[2]
HARD_LIMIT = 400
FUNCTION_LINES, BODY_LINES = 40, 12
SOURCES = sorted((ROOT / "app").rglob("*.py"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return 0 if not body else (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_imports_go_downward() -> None:
    done = subprocess.run([sys.executable, "-m", "importlinter.cli", "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)
    done = done if done.returncode in (0, 1) and "Contracts" in done.stdout else subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_whoever_hears_statements_is_known_to_the_lines() -> None:
    """A line looks for listeners only while `listening` has any: with SQLAlchemy's own `listen` what is prepared would go unheard."""
    places = sorted((ROOT / "tests").rglob("*.py")) + SOURCES
    own = re.compile(r"event\.listens?(_for)?\([^)]*\"before_(cursor_)?execute")
    assert [one.name for one in places if own.search(one.read_text())] == ["migration_log.py"]  # Alembic's own steps


def test_budgets() -> None:
    over = [f"{path.relative_to(ROOT)}: {what}" for path in SOURCES for what in over_budget(path)]
    assert not over, "\n".join(over)


def over_budget(path: Path) -> Iterator[str]:
    lines = path.read_text().count("\n")
    if lines > HARD_LIMIT:
        yield f"{lines} lines"
    for node in functions(path):
        length = (node.end_lineno or 0) - node.lineno + 1
        if length > FUNCTION_LINES:
            yield f"{node.name}: {length} lines"
        if path.name.startswith("routes") and not node.name.startswith("_") and body_lines(node) > BODY_LINES:
            yield f"endpoint {node.name}: {body_lines(node)} lines"


def test_nobody_else_commits() -> None:
    """`commit()` belongs to the unit of work (auth/work.py), db/ and jobs/; background loops use Database.transaction()."""
    allowed = {"app/db/session.py", "app/auth/work.py"}
    found = {str(path.relative_to(ROOT)) for path in SOURCES if re.search(r"\.commit\(\)", path.read_text())}
    assert found <= allowed, found - allowed


def test_nothing_else_reads_the_environment() -> None:
    allowed = {
        "app/server.py", "app/process.py", "app/middleware/metrics.py", "app/demo/__main__.py", "app/demo/own_server.py",
        "app/demo/jobs.py",
    }
    found = {str(path.relative_to(ROOT)) for path in SOURCES if re.search(r"os\.(environ|getenv)", path.read_text())}
    assert found <= allowed, found - allowed


@pytest.mark.check("S28", part=True)
def test_tokens_have_one_wrapper() -> None:
    found = {str(path.relative_to(ROOT)) for path in SOURCES if re.search(r"^\s*(from|import) jose", path.read_text(), re.M)}
    assert found == {"app/security/tokens.py"}


def test_env_example_is_the_settings() -> None:
    written = re.findall(r"^# (.+)\n(XINXIN_[A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M)
    fields = Settings.model_fields
    assert [name for _, name, _ in written] == [f"XINXIN_{name.upper()}" for name in fields]
    assert [words for words, _, _ in written] == [field.description for field in fields.values()]


def test_production_refuses_the_samples() -> None:
    values = {name.removeprefix("XINXIN_").lower(): value for name, value in re.findall(
        r"^(XINXIN_[A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M
    )}
    with pytest.raises(ValueError, match="production does not start"):
        Settings(**(values | {"env": "production"}))


def test_every_enqueued_job_has_a_handler() -> None:
    named = set()
    for path in SOURCES:
        named |= set(re.findall(r"enqueue\(\s*\w+,\s*\"([a-z_.]+)\"", path.read_text()))
    assert named, "the search found no job at all"
    assert named <= set(HANDLERS), named - set(HANDLERS)
    assert not set(HANDLERS) & set(PERIODIC)


def test_one_head_of_migrations() -> None:
    script = ScriptDirectory.from_config(migrate.configuration())
    assert len(script.get_heads()) == 1


@pytest.mark.parametrize("path", sorted((ROOT / "migrations/versions").glob("*.py")), ids=lambda path: path.name)
@pytest.mark.check("S18", part=True)
def test_migrations_carry_a_lock_timeout(path: Path) -> None:
    text = path.read_text()
    assert text.count("set local lock_timeout = '5s'") == 2, "once in each direction"


async def test_models_are_the_migrations(database_url: str, worker_id: str) -> None:
    """Tables and columns by Alembic's comparison; CHECKs, partial indexes and triggers' tables by what PostgreSQL itself prints."""
    migrated = db_session.connect(database_url, info={}, pool_size=1)
    made_url = await new_database(f"xinxin_models_{worker_id}")
    made = db_session.connect(made_url, info={}, pool_size=1, statement_timeout_ms=60_000, role=None)
    try:
        async with migrated.engine.connect() as connection:
            differences = await connection.run_sync(_compared)
            printed = await _definitions(connection)
        async with made.engine.begin() as connection:
            await connection.run_sync(SQLModel.metadata.create_all)
            wanted = await _definitions(connection)
    finally:
        await migrated.close()
        await made.close()
    assert not differences, differences
    assert printed == wanted, {"only migrated": printed - wanted, "only models": wanted - printed}


def _compared(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _public})
    return [found for found in compare_metadata(context, SQLModel.metadata) if "alembic_version" not in str(found)]


def _public(name: str | None, kind: str, parents: object) -> bool:
    return kind != "schema" or name in (None, "public")


async def _definitions(connection) -> set[str]:
    rows = await connection.execute(sa.text("""
        select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
         where connamespace = 'public'::regnamespace and contype <> 't' and conrelid::regclass::text <> 'alembic_version'
        union all
        select pg_get_indexdef(indexrelid) from pg_index join pg_class c on c.oid = indexrelid
         where c.relnamespace = 'public'::regnamespace and indrelid::regclass::text <> 'alembic_version'"""))
    return {row[0] for row in rows}
