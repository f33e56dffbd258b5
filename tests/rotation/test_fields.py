"""THE list is whole: every binary column stands in it or in the list of others, says the associated data that the code says, and each of
its values opens in its own row, table and column only."""

import ast
import importlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

import app.tables  # noqa: F401
from app.db.session import AsyncSession, Database
from app.rotation.fields import PLACES, RUN_OUT, UNKEYED, Place
from app.security import sealing
from app.security.keys import KeyRing, MasterKeys
from app.security.sealing import Unsealable

ROOT = Path(__file__).resolve().parents[2]
SEALED = {(place.table, column): (place.table, bound) for place in PLACES for column, bound in place.sealed.items()}
INDEXED = {(place.table, index.column) for place in PLACES for index in place.indexes}
OTHERS = {tuple(name.split(".")) for name in (*UNKEYED, *(kind.column for kind in RUN_OUT))}
TEXTUAL = {("throttle_hit", "key")}  # keyed fingerprints inside a text
# Helpers that are given the table or the column: what they are called with is in the list if its other half is.
HELPERS = {"app.checkins.queries", "app.checkins.service.appointing", "app.rosters.sealed"}
PASSING = {("job", "address")}  # in the payload of a job for an hour; a key stays a day after the last use
CIPHERS = ("aes-256-gcm", "sm4-gcm")


def carrying(cipher: str) -> AsyncSession:
    ring = KeyRing(MasterKeys({"s1": secrets.token_bytes(32)}), MasterKeys({"k1": secrets.token_bytes(32)}), cipher)
    return cast(AsyncSession, SimpleNamespace(info={"keys": ring}))


def binary(column: sa.Column[Any]) -> bool:
    return isinstance(getattr(column.type, "item_type", column.type), sa.LargeBinary)


def test_every_binary_column_is_accounted_for() -> None:
    there = {(table.name, column.name) for table in SQLModel.metadata.tables.values() for column in table.columns if binary(column)}
    assert {("account", "phone_sealed"), ("otp_factor", "recovery_hashes")} <= there, "the search must see what is there"
    listed = set(SEALED) | INDEXED | OTHERS
    assert there - listed == set(), "neither in app/rotation/fields.PLACES nor in UNKEYED or RUN_OUT"
    assert listed - there == TEXTUAL, "in the list, but no column any more"
    assert not set(SEALED) & INDEXED and not OTHERS & (set(SEALED) | INDEXED)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.table)
def test_a_place_names_columns_that_are_there(place: Place) -> None:
    table = SQLModel.metadata.tables[place.table]
    assert [column.name for column in table.primary_key] == list(place.key)
    assert isinstance(table.c[place.row].type, sa.Uuid)
    for index in place.indexes:
        assert index.source in place.sealed and (index.mask is None or index.mask in table.c)


def calls() -> Iterator[tuple[str, Any, Any]]:
    """(module, table, column) of every call that seals or opens; None for what only the run knows."""
    for path in sorted((ROOT / "app").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if "sealing." not in path.read_text() or name.startswith(("app.security", "app.rotation")):
            continue
        namespace = vars(importlib.import_module(name))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"sealing.seal", "sealing.unseal", "sealing.unseal_bytes"}:
                given = {one.arg: ast.unparse(one.value) for one in node.keywords}
                yield name, _value(given["table"], namespace), _value(given["column"], namespace)


def _value(text: str, namespace: dict[str, Any]) -> Any:
    try:
        return eval(text, dict(namespace))
    except NameError:
        return None


def test_the_list_binds_as_the_code_binds() -> None:
    pairs = set(SEALED.values())
    tables, columns = {table for table, _ in pairs}, {column for _, column in pairs}
    seen: set[Any] = set()
    for module, table, column in calls():
        seen.add((table, column))
        if table is not None and column is not None:
            assert (table, column) in pairs | PASSING, f"{module} seals {table}|{column}"
        else:
            assert table in tables or column in columns or module in HELPERS, f"{module} seals {table}|{column}"
    assert {("account", "phone"), ("report", "description"), ("member", None)} <= seen, "the search must see what is there"


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("bound", sorted(SEALED.values()), ids="|".join)
@pytest.mark.check("S43", part=True)
def test_a_value_opens_in_its_own_place_only(bound: tuple[str, str], cipher: str) -> None:
    session, row = carrying(cipher), uuid4()
    table, column = bound
    sealed = sealing.seal(session, "王小明", table=table, column=column, row=row)
    assert sealing.unseal(session, sealed, table=table, column=column, row=row) == "王小明"
    elsewhere = [(*bound, uuid4()), *((*other, row) for other in SEALED.values() if other != bound)]
    for other_table, other_column, other_row in elsewhere:
        with pytest.raises(Unsealable):
            sealing.unseal(session, sealed, table=other_table, column=other_column, row=other_row)


def test_no_two_columns_share_their_associated_data() -> None:
    assert len(set(SEALED.values())) == len(SEALED)


async def test_no_trigger_stands_in_the_way(committed: Database) -> None:
    """Append-only tables hold nothing sealed; where a table of the list has a trigger on updates, it lets the listed columns change."""
    found = sa.text("""
        select c.relname, p.prosrc from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
         where not t.tgisinternal and t.tgtype & 16 <> 0""")
    async with committed.reader() as session:
        triggers = (await session.exec(found)).all()
    assert "consent" in {table for table, _ in triggers}, "the search must see what is there"
    places = {place.table: place for place in PLACES}
    for table, source in triggers:
        if table in places:
            assert table in LETS_PASS, f"{table} has a trigger on updates: {source}"


# The first keeps number, check-in, role and dates; the second whose photo it is, its objects, and what it is attached to. Those of
# reports hold a category to the leaves, and mark what was written for the figures and what the search has to make again. A contract keeps
# all but its early end and the sealed account.
LETS_PASS = {"checkin_appointment", "report", "store_contract", "upload"}
