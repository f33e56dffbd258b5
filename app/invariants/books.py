"""I1 to I4: the ledger in itself, every figure counted from the entries; I14: levels."""

from app.invariants.scans import About, Check, Rows

# Each transaction beside what its entries come to.
TRANSACTIONS = Rows("""
select coalesce(t.id, e.transaction_id) as id, t.id as line, t.member_id, t.amount, t.held, t.account_version,
       e.transaction_id as entries, e.total, coalesce(e.own, 0) as own, coalesce(e.set_aside, 0) as set_aside, e.least, e.most
  from points_transaction t full join (
    select transaction_id, sum(amount) as total, sum(amount) filter (where account in ('available', 'debt')) as own,
           sum(amount) filter (where account = 'held') as set_aside, min(account_version) as least, max(account_version) as most
      from points_entry group by transaction_id) e on e.transaction_id = t.id""")

ALL = Rows("select sum(amount) as total, count(*) as entries from points_entry", counted="sum(entries)")

# Each member's stored balance beside the sums of the entries, of the lots and of the lines.
MEMBERS = Rows("""
select coalesce(b.member_id, e.member_id, l.member_id, t.member_id) as member_id,
       coalesce(b.available, 0) as available, coalesce(b.held, 0) as held, coalesce(b.debt, 0) as debt, coalesce(b.version, 0) as version,
       coalesce(e.available, 0) as in_available, coalesce(e.held, 0) as in_held, coalesce(-e.debt, 0) as in_debt,
       coalesce(l.remaining, 0) as in_lots, coalesce(t.lines, 0) as lines, coalesce(t.newest, 0) as newest
  from points_balance b
  full join (
    select member_id, sum(amount) filter (where account = 'available') as available, sum(amount) filter (where account = 'held') as held,
           sum(amount) filter (where account = 'debt') as debt
      from points_entry where member_id is not null group by member_id) e on e.member_id = b.member_id
  full join (select member_id, sum(remaining) as remaining from points_lot group by member_id) l
    on l.member_id = coalesce(b.member_id, e.member_id)
  full join (select member_id, count(*) as lines, max(account_version) as newest from points_transaction group by member_id) t
    on t.member_id = coalesce(b.member_id, e.member_id, l.member_id)""")

LINES = Rows("""
select id, member_id, amount, balance_after, account_version, lag(balance_after, 1, 0) over w as before,
       lag(account_version, 1, 0) over w as version_before
  from points_transaction window w as (partition by member_id order by account_version)""")

# Each entry of a member's own account beside what that account came to. Those of one transaction all take, or all give, so what they came
# to tells their order. Entries of releases before 0028 say nothing, and are counted at the version of their transaction.
OWN = Rows("""
select id, member_id, balance_after,
       sum(amount) over (partition by member_id, account order by account_version, sign(amount) * balance_after, id) as came_to
  from (
    select id, member_id, account, amount, balance_after, account_version from points_entry
     where member_id is not null and account_version is not null
    union all
    select e.id, e.member_id, e.account, e.amount, e.balance_after, t.account_version
      from points_entry e join points_transaction t on t.id = e.transaction_id
     where e.member_id is not null and e.account_version is null) own""")

LOTS = Rows("""
select l.id, l.member_id, l.amount, l.remaining, coalesce(e.rest, 0) as rest
  from points_lot l
  full join (select lot_id, sum(amount) as rest from points_entry where account = 'available' and lot_id is not null group by lot_id) e
    on e.lot_id = l.id""")

LEVELS = Rows("""
select p.member_id, p.level, q.level as before
  from points_level p left join points_level q on q.member_id = p.member_id and q.month = (p.month - interval '1 month')::date""")

CHECKS = (
    Check(
        "I1", "the entries of each transaction sum to 0", "一笔流水的分录合计不为零", TRANSACTIONS, "total <> 0", "id", subject="member_id"
    ),
    Check(
        "I1b", "each transaction has entries, and its line tells what they do", "流水与其分录不符", TRANSACTIONS,
        "line is null or entries is null or amount <> own or held <> set_aside", "id", subject="member_id",
    ),
    Check("I2", "all accounts together sum to 0", "全部账户合计不为零", ALL, "total <> 0", "total", About.NOBODY),
    Check(
        "I3", "no balance is below 0, and debt is settled first", "余额为负，或有余额而欠账未抵", MEMBERS,
        "available < 0 or held < 0 or debt < 0 or (available > 0 and debt > 0)", "member_id", subject="member_id",
    ),
    Check(
        "I4", "stored balances equal the sums of entries", "余额与分录合计不符", MEMBERS,
        "available <> in_available or held <> in_held or debt <> in_debt", "member_id", subject="member_id",
    ),
    Check(
        "I4b", "lots hold exactly what is available", "批次剩余与可用积分不符", MEMBERS, "available <> in_lots", "member_id",
        subject="member_id",
    ),
    Check(
        "I4c", "each line's balance follows from the one before", "流水余额不连续", LINES,
        "balance_after <> before + amount or account_version <> version_before + 1", "id", subject="member_id",
    ),
    Check(
        "I4d", "a balance has the version of its last line, and no line is missing", "流水有缺失", MEMBERS,
        "version <> newest or newest <> lines", "member_id", subject="member_id",
    ),
    Check(
        "I4e", "what is left of a lot is what its entries leave of it", "批次剩余与分录不符", LOTS,
        "id is null or remaining <> rest or remaining > amount", "id", subject="member_id",
    ),
    Check(
        "I4f", "each entry of a member's account says what that account came to", "分录余额不连续", OWN, "balance_after <> came_to", "id",
        subject="member_id",
    ),
    Check(
        "I4g", "an entry has the version of its transaction", "分录版本与流水不符", TRANSACTIONS,
        "least <> account_version or most <> account_version", "id", subject="member_id",
    ),
    Check(
        "I14", "a level falls one step a month at most", "积分等级一个月下降超过一级", LEVELS, "level < before - 1", "member_id",
        subject="member_id",
    ),
)
