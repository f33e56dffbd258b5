"""What stands beside the orders: the stock of days and of slots (I8), what settlements come to (I13), the days of stores (I15)."""

from app.invariants.scans import About, Check, Rows
from app.redemptions import queries_days

# A reward's stock is its counter, or the slots that nobody has; what was put in is the sum of its entries.
STOCKS = Rows("""
select s.reward_id, s.stock_left, coalesce(f.free, 0) as free, coalesce(e.put, 0) as put, coalesce(o.taken, 0) as taken
  from reward_stock s
  left join (select reward_id, count(*) as free from reward_slot where redemption_id is null group by reward_id) f
    on f.reward_id = s.reward_id
  left join (select reward_id, sum(change) as put from reward_stock_entry group by reward_id) e on e.reward_id = s.reward_id
  left join (
    select reward_id, sum(quantity) as taken from redemption where status in ('issued', 'verified') group by reward_id) o
    on o.reward_id = s.reward_id""")

# Each day of a reward with a stock per day, beside the orders that were counted for it and that have not ended.
STOCK_DAYS = Rows("""
select coalesce(s.reward_id, o.reward_id) as reward_id, coalesce(s.day, o.day) as day, coalesce(s.sold, 0) as sold,
       coalesce(o.taken, 0) as taken
  from reward_stock_day s
  full join (
    select reward_id, stock_day as day, sum(quantity) as taken from redemption
     where stock_day is not null and status in ('issued', 'verified') group by reward_id, stock_day) o
    on o.reward_id = s.reward_id and o.day = s.day""")

# Each order of a flash reward that has not ended, beside the slots that name it.
SLOTS = Rows("""
select coalesce(r.id, s.redemption_id) as id, coalesce(s.reward_id, r.reward_id) as reward_id, r.reward_id as ordered, r.quantity,
       coalesce(s.slots, 0) as slots, coalesce(s.strange, 0) as strange
  from (
    select o.id, o.reward_id, o.quantity from redemption o join reward w on w.id = o.reward_id
     where w.flash and o.status in ('issued', 'verified')) r
  full join (
    select t.redemption_id, min(t.reward_id::text)::uuid as reward_id, count(*) as slots,
           count(*) filter (where t.reward_id <> o.reward_id) as strange
      from reward_slot t join redemption o on o.id = t.redemption_id group by t.redemption_id) s on s.redemption_id = r.id""")

# Each settlement beside its lines and the corrections that it took. Those of releases before 0040 name no total.
SETTLEMENTS = Rows("""
select s.id, s.store_id, s.lines, s.total_cents, coalesce(l.lines, 0) as lined, coalesce(l.cents, 0) + coalesce(c.cents, 0) as cents
  from settlement s
  left join (select settlement_id, count(*) as lines, sum(cents) as cents from settlement_line group by settlement_id) l
    on l.settlement_id = s.id
  left join (
    select settlement_id, sum(cents) as cents from settlement_correction where settlement_id is not null group by settlement_id) c
    on c.settlement_id = s.id""")

CORRECTIONS = Rows("""
select c.id, c.store_id, c.month, c.status, c.settlement_id, s.store_id as paid_at, s.month as paid_in
  from settlement_correction c left join settlement s on s.id = c.settlement_id""")

DAYS = Rows(queries_days.HEADS)

CHECKS = (
    Check(
        "I8", "stock sold and left is the stock put in", "商品库存与已售数量不符", STOCKS,
        "stock_left < 0 or stock_left + free + taken <> put", "reward_id", About.REWARD, "reward_id",
    ),
    Check(
        "I8b", "what is sold of a day's stock is what its orders took that have not ended", "商品当日库存与当日订单不符", STOCK_DAYS,
        "sold <> taken", "concat_ws(' ', reward_id, day)", About.REWARD, "reward_id",
    ),
    Check(
        "I8c", "an order of a flash reward has as many of its slots as pieces, until it ends", "限时商品的名额与订单不符", SLOTS,
        "ordered is null or slots <> quantity or strange > 0", "id", About.REWARD, "reward_id",
    ),
    Check(
        "I13b", "a settlement comes to its lines and corrections", "结算单合计与明细不符", SETTLEMENTS,
        "total_cents is not null and (lines <> lined or total_cents <> cents)", "id", About.STORE, "store_id",
    ),
    Check(
        "I13c", "a correction is paid to its store when it was approved, and not before its month", "结算更正未按规定计入", CORRECTIONS,
        "settlement_id is not null and (status <> 'approved' or paid_at is distinct from store_id or paid_in < month)", "id",
        About.STORE, "store_id",
    ),
    Check(
        "I15", "a store's day that has a head is what it was when it got it, and follows from the day before", "商家已结日的核销记录被改动",
        DAYS, queries_days.REWRITTEN, "concat_ws(' ', store_id, day)", About.STORE, "store_id",
    ),
)
