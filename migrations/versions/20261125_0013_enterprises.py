"""Enterprises: headcount history, first and last day. Work relations of a month, versions of consent texts, what a reveal is for."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TODAY = "(timezone('Asia/Shanghai', clock_timestamp()))::date"
HEADCOUNT = """
create table enterprise_headcount (
    id uuid not null,
    created_at timestamp with time zone default clock_timestamp() not null,
    enterprise_id uuid not null,
    "on" date not null,
    headcount integer,
    recorded_by uuid,
    constraint pk_enterprise_headcount primary key (id),
    constraint uq_enterprise_headcount_enterprise_id_on unique (enterprise_id, "on"),
    constraint ck_enterprise_headcount_headcount check (headcount >= 0),
    constraint fk_enterprise_headcount_enterprise_id_enterprise foreign key (enterprise_id) references enterprise (id),
    constraint fk_enterprise_headcount_recorded_by_account foreign key (recorded_by) references account (id)
)
"""
# The figures that stand already: of the day on which their enterprise was listed, by nobody that we know.
CARRIED_OVER = """
insert into enterprise_headcount (id, enterprise_id, "on", headcount)
select gen_random_uuid(), id, listed_on, headcount from enterprise where headcount is not null
"""
# What somebody agreed to stays as it was read; only whether it is in force, and whether a yes to it is still enough, may change.
FIXED = """
create function consent_text_is_fixed() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or (new.purpose, new.version, new.title, new.text) is distinct from (old.purpose, old.version, old.title, old.text)
    then
        raise exception 'a consent text is never changed' using errcode = 'restrict_violation';
    end if;
    return new;
end $$
"""
PURPOSES = "'contact_member', 'verify_identity', 'handle_case', 'other'"


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table enterprise add column listed_on date, add column closed_on date")
    op.execute("update enterprise set listed_on = (timezone('Asia/Shanghai', created_at))::date")
    op.execute(f"alter table enterprise alter column listed_on set default {TODAY}, alter column listed_on set not null")
    op.execute("alter table enterprise add constraint ck_enterprise_life check (closed_on >= listed_on)")
    op.execute("create index ix_enterprise_name_symbols on enterprise using gin (string_to_array(lower(name), NULL))")
    op.execute(HEADCOUNT)
    op.execute("create index ix_enterprise_headcount_recorded_by on enterprise_headcount (recorded_by)")
    op.execute(CARRIED_OVER)
    op.execute("create index ix_employment_enterprise_id_until on employment (enterprise_id, until)")
    op.execute("alter table consent_text add column sufficient boolean default true not null")
    op.execute(FIXED)
    op.execute(
        "create trigger consent_text_fixed before update or delete on consent_text for each row execute function consent_text_is_fixed()"
    )
    op.execute("alter table reveal add column purpose varchar(32)")
    op.execute(f"alter table reveal add constraint ck_reveal_purpose check (purpose in ({PURPOSES}))")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table reveal drop column purpose")
    op.execute("drop trigger consent_text_fixed on consent_text")
    op.execute("drop function consent_text_is_fixed()")
    op.execute("alter table consent_text drop column sufficient")
    op.execute("drop index ix_employment_enterprise_id_until")
    op.execute("drop table enterprise_headcount")
    op.execute("drop index ix_enterprise_name_symbols")
    op.execute("alter table enterprise drop column listed_on, drop column closed_on")
