"""A table that names a person belongs to a feature that can copy and erase what it holds about one."""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlmodel import SQLModel

import app.tables  # noqa: F401
from app.me.features import FEATURES

PERSONS = {"account", "member"}
# Tables that hold an id only, which leads to nobody after an erasure, and why they stand outside.
BARE_IDS = {
    "budget_member": "up to where a member's lines are counted: an id, a version, an area; without it they would be counted twice",
    "audit_event": "the trail outlives an erasure by law; ids and codes only",
    "qrcode": "who issued a code: staff, a bare id",
    "report_category_version": "who changed a category: staff, a bare id in rows that do not change",
    "retention_rule": "who last changed a rule: staff, a bare id",
    "idempotency_key": "erased by auth.service.forget with the account",
}
PACKAGES = {"reveals": "me"} | {feature.name: feature.name for feature in FEATURES if feature.name != "reveals"}


def tables_with_persons() -> Iterator[tuple[str, str]]:
    """(table, package of its model) for each table that refers to an account or a member."""
    for mapper in SQLModel._sa_registry.mappers:
        table = mapper.local_table
        assert isinstance(table, sa.Table)
        targets = {key.column.table.name for key in table.foreign_keys}
        if targets & PERSONS or table.name in PERSONS or {"member_id", "account_id", "actor_id"} & set(table.columns.keys()):
            yield table.name, mapper.class_.__module__.split(".")[1]


def test_every_table_with_a_person_is_covered() -> None:
    found = dict(tables_with_persons())
    assert {"report", "redemption", "account", "member"} <= found.keys(), "the search must see what is there"
    uncovered = {table: package for table, package in found.items() if package not in PACKAGES.values() and table not in BARE_IDS}
    assert not uncovered, uncovered


def test_the_exceptions_are_still_there() -> None:
    names = {table for table, _ in tables_with_persons()}
    assert set(BARE_IDS) <= names, set(BARE_IDS) - names
