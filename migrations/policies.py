"""What the migrations that put row security on tables (0051 and on) say in common: the words of a policy, and the four of a table.

Released: a change here would change what those migrations did.
"""

from collections.abc import Mapping

from alembic import op

FREELY = "(select acting_freely())"
ME = "(select acting_account())"


# A release that knows of row security and not of these tables' yet: it passes them for as long as it runs beside ours.
UNAWARE = "(select acting_unaware())"
WALL_3 = "(select acting_before(3))"  # the same of the tables that came with the third wall (migration 0059)


def own(column: str = "member_id") -> str:
    return f"{column} = any((select acting_persons())::uuid[])"


def inside(column: str = "area_path") -> str:
    return f"{column} ^@ any((select acting_areas())::text[])"


def at(column: str) -> str:
    return f"{column} = any((select acting_scopes())::uuid[])"


def place(column: str = "store_id") -> str:
    return f"{at(column)} or exists (select 1 from store as place where place.id = {column} and {inside('place.area_path')})"


def of(parent: str, join: str) -> str:
    """A part of a thing is seen by whoever sees the thing: the subquery is under the thing's own policy."""
    return f"exists (select 1 from {parent} as whole where {join})"


def guard(rows: Mapping[str, str]) -> None:
    """Table → who may read and change a row besides the service."""
    for table, some in rows.items():
        seen = f"{FREELY} or {some}"
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy acting_select on {table} for select using ({seen})")
        op.execute(f"create policy acting_insert on {table} for insert with check ({seen})")
        op.execute(f"create policy acting_update on {table} for update using ({seen}) with check ({seen})")
        op.execute(f"create policy acting_delete on {table} for delete using ({seen})")


def unguard(rows: Mapping[str, str]) -> None:
    for table in rows:
        for verb in ("select", "insert", "update", "delete"):
            op.execute(f"drop policy acting_{verb} on {table}")
        op.execute(f"alter table {table} no force row level security, disable row level security")


def serve(*tables: str) -> None:
    """The service's own policy: OR-ed with the others it is the word true, and its statements are planned as if there were none."""
    for table in tables:
        op.execute(f"create policy acting_service on {table} to xinxin_service using (true) with check (true)")


def unserve(*tables: str) -> None:
    for table in tables:
        op.execute(f"drop policy acting_service on {table}")
