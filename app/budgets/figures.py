"""The SQL of the points' figures: what the months have counted, and what a member's lines say above the version that was counted."""

FLOWS = ("earned", "adjusted", "taken_back", "captured", "expired")
ASKED = "{column} ~>=~ :path and {column} ~<~ :beyond"

# Where a member counts: where the count `c` put them, else where they work, else at the oldest tenant's root.
COUNTED = "coalesce(c.area_path, (select m.area_path from member m where c.member_id is null and m.id = {member}), :root)"

# The lines of `moves`, by index: the planner cannot know that only a few members are ahead, and would read them all.
LINES = """
flows as (
  select v.area_path, date_trunc('month', t.created_at at time zone 'Asia/Shanghai')::date as month,
         coalesce(sum(sign * amount) filter (where kind = 'earn'), 0)::bigint as earned,
         coalesce(sum(sign * amount) filter (where kind = 'adjust'), 0)::bigint as adjusted,
         coalesce(-sum(sign * amount) filter (where kind = 'reverse'), 0)::bigint as taken_back,
         coalesce(-sum(sign * t.held) filter (where kind in ('capture', 'reverse')), 0)::bigint as captured,
         coalesce(-sum(sign * amount) filter (where kind = 'expire'), 0)::bigint as expired
    from moves v
    cross join lateral (
      select t.created_at, t.kind, t.amount, t.held from points_transaction t
       where t.member_id = v.member_id and t.account_version > v.above and t.account_version <= v.upto offset 0) t
   group by 1, 2)"""


def added(table: str) -> str:
    """The assignments of an upsert that adds to what is there."""
    return ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in FLOWS)


def summed() -> str:
    return ", ".join(f"sum({name})::bigint as {name}" for name in FLOWS)
