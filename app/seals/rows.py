"""What of a row is sealed: THE list of columns by format, and the SQL that makes a row's digest. A format is never changed once released.

A digest covers the columns that stand here and no others, so a column that is added later changes no digest that was made before; to
have it sealed, a new format is added with it, and blocks from then on are made in that one. A test names the column that was forgotten.
"""

from collections.abc import Mapping
from enum import IntEnum

TABLES: Mapping["Kind", str]


class Kind(IntEnum):
    """Which table a sealed row stands in, as links say it. Numbers are never given again."""

    TRANSACTION = 1
    ENTRY = 2
    AWARD = 3
    EVENT = 4

    @property
    def table(self) -> str:
        return TABLES[self]


TABLES = {
    Kind.TRANSACTION: "points_transaction", Kind.ENTRY: "points_entry", Kind.AWARD: "points_award", Kind.EVENT: "audit_event",
}
FORMAT = 1  # what blocks are made in now
COLUMNS: Mapping[int, Mapping[Kind, tuple[str, ...]]] = {
    1: {
        Kind.TRANSACTION: (
            "id", "created_at", "member_id", "kind", "amount", "held", "balance_after", "account_version", "rule_code", "rule_version",
            "reason_code", "reference_type", "reference_id", "reference_number", "reverses_id", "actor_id",
        ),
        Kind.ENTRY: (
            "id", "created_at", "transaction_id", "account", "member_id", "lot_id", "amount", "balance_after", "account_version",
            "store_id", "month",
        ),
        Kind.AWARD: (
            "id", "created_at", "member_id", "rule_code", "rule_version", "source_type", "source_id", "filed_on", "credited", "withheld",
            "withheld_reason", "transaction_id", "source_number", "area_path", "points_each", "units", "units_credited", "withheld_cap",
            "once_key",
        ),
        Kind.EVENT: (
            "id", "created_at", "actor_kind", "actor_id", "session_id", "action", "object_kind", "object_id", "area_path", "outcome",
            "reason", "facts", "request_id", "address",
        ),
    },
}
# Instants are written in UTC, to the microsecond, whatever the session's time zone is.
WRITTEN = {"created_at": "t.created_at at time zone 'UTC'"}
# What a link holds whose row was gone before it could be sealed: the digest of nothing, so it is found missing for ever.
NOTHING = "decode(repeat('00', 32), 'hex')"


def written(kind: Kind, form: int) -> str:
    """The row `t` as a JSON array: the table's name, then each column of the format, in their order."""
    values = ", ".join(WRITTEN.get(column, f"t.{column}") for column in COLUMNS[form][kind])
    return f"json_build_array('{kind.table}', {values})::text"


def written_as(form: str, kind: Kind) -> str:
    """The same in the format that an expression names."""
    return f"case {form} {' '.join(f'when {made} then {written(kind, made)}' for made in COLUMNS)} end"


def digest(kind: Kind, form: int) -> str:
    """SHA-256 of the row as it is written."""
    return f"sha256(convert_to({written(kind, form)}, 'UTF8'))"


def found(*, kind: str, row_id: str, form: str) -> str:
    """A lateral subquery of one row and one column: the digest of the row that three expressions name. No row where there is none."""
    one = "select {digest} from {table} t where {kind} = {number} and {form} = {made} and t.id = {row_id}"
    return " union all ".join(
        one.format(digest=digest(of, made), table=of.table, kind=kind, number=int(of), form=form, made=made, row_id=row_id)
        for made, kinds in COLUMNS.items() for of in kinds
    ) + " limit 1"


def body(order: str) -> str:
    """An aggregate over links: which rows a block seals, in order, and the digest of each."""
    return f"coalesce(string_agg(int2send(kind) || uuid_send(row_id) || digest, ''::bytea order by {order}), ''::bytea)"


def block_hash(*, previous: str, number: str, form: str, rows: str, sealed_at: str, body: str) -> str:
    """SHA-256(previous ‖ number ‖ format ‖ rows ‖ instant in microseconds ‖ body): numbers as PostgreSQL sends them, big-endian."""
    micros = f"int8send(cast(extract(epoch from {sealed_at}) * 1000000 as bigint))"
    return f"sha256({previous} || int8send({number}) || int2send({form}) || int4send({rows}) || {micros} || {body})"
