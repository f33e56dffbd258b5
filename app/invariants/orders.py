"""I6, I7, I9: orders, what was held, captured and handed out for them, what the people were told; I13: what stores are paid."""

from app.invariants.scans import About, Check, Rows

# Each order beside its verifications, its lines in the ledger, and its messages. A statement that began in time may write its instant a
# moment later: a minute is allowed where instants are compared.
ORDERS = Rows("""
select coalesce(r.id, t.id, m.id) as id, r.id as "order", coalesce(r.member_id, t.member_id, m.member_id) as member_id, r.status, r.points,
       r.verification_id, a.status = 'erased' as erased,
       coalesce(v.verified, 0) as verified, coalesce(v.undone, 0) as undone, coalesce(v.stand, 0) as stand, v.standing, v.late,
       coalesce(t.held, 0) as held, coalesce(t.amount, 0) as amount, coalesce(t.holds, 0) as holds, coalesce(t.captures, 0) as captures,
       coalesce(t.undos, 0) as undos, coalesce(t.releases, 0) as releases, coalesce(m.messages, 0) as messages
  from redemption r
  left join account a on a.id = r.member_id
  left join (
    select v.redemption_id, count(*) as verified, count(u.verification_id) as undone, count(*) - count(u.verification_id) as stand,
           max(v.id::text) filter (where u.verification_id is null) as standing,
           bool_or(v.verified_at > o.expires_at + interval '1 minute') as late
      from verification v join redemption o on o.id = v.redemption_id left join verification_undo u on u.verification_id = v.id
     group by v.redemption_id) v on v.redemption_id = r.id
  full join (
    select reference_id as id, min(member_id::text)::uuid as member_id, sum(held) as held, sum(amount) as amount,
           count(*) filter (where kind = 'hold') as holds, count(*) filter (where kind = 'capture') as captures,
           count(*) filter (where kind = 'reverse') as undos, count(*) filter (where kind = 'release') as releases
      from points_transaction where reference_type = 'redemption' group by reference_id) t on t.id = r.id
  full join (
    select reference_id as id, min(member_id::text)::uuid as member_id, count(*) as messages from message
     where reference_type = 'redemption' group by reference_id) m on m.id = coalesce(r.id, t.id)""")

# Each verification beside the right of its clerk. Grants stay as rows when they end.
VERIFICATIONS = Rows("""
select v.id, v.store_id, v.clerk_id, r.member_id, v.verified_at, g.until
  from verification v join redemption r on r.id = v.redemption_id
  left join (
    select account_id, scope_id, max(least(revoked_at, valid_until)) as until from access_grant
     where scope_type = 'store' and role in ('store_owner', 'store_clerk') and account_id is not null
     group by account_id, scope_id) g on g.account_id = v.clerk_id and g.scope_id = v.store_id""")

# What is booked as redeemed at a store in a month for an order, beside its standing verification. `old`: a release before 0028 booked it,
# which named no store.
REDEEMED = Rows("""
with redeemed as materialized (
  select t.reference_id as order_id, e.store_id, e.month, e.amount
    from points_entry e join points_transaction t on t.id = e.transaction_id
   where e.account = 'redeemed' and t.reference_type = 'redemption')
select coalesce(s.order_id, w.order_id) as id, coalesce(s.store_id, w.store_id) as store_id, s.points as booked, w.points as verified,
       o.order_id is not null as old
  from (
    select order_id, store_id, month, sum(amount) as points from redeemed where store_id is not null
     group by order_id, store_id, month having sum(amount) <> 0) s
  full join (
    select v.redemption_id as order_id, v.store_id, date_trunc('month', v.verified_at at time zone 'Asia/Shanghai')::date as month, r.points
      from verification v join redemption r on r.id = v.redemption_id left join verification_undo u on u.verification_id = v.id
     where u.verification_id is null) w on w.order_id = s.order_id and w.store_id = s.store_id and w.month = s.month
  left join (select distinct order_id from redeemed where store_id is null) o on o.order_id = coalesce(s.order_id, w.order_id)""")

# Each change by hand that moved points, beside its message.
PROPOSALS = Rows("""
select p.id, p.member_id, p.transaction_id, p.status, a.status = 'erased' as erased, coalesce(m.messages, 0) as messages,
       m.id as told, t.id as line
  from (select * from points_proposal where transaction_id is not null) p
  left join account a on a.id = p.member_id
  full join (
    select reference_id as id, count(*) as messages from message where reference_type = 'points_entry' group by reference_id) m
    on m.id = p.transaction_id
  left join points_transaction t on t.id = m.id""")

SETTLED = Rows("""
select l.verification_id as id, l.cents, s.store_id, s.month, v.store_id as used_at, r.settlement_cents, u.verification_id as undone,
       date_trunc('month', v.verified_at at time zone 'Asia/Shanghai')::date as used_in
  from settlement_line l join settlement s on s.id = l.settlement_id
  join verification v on v.id = l.verification_id join redemption r on r.id = v.redemption_id
  left join verification_undo u on u.verification_id = v.id""")

CHECKS = (
    Check(
        "I6", "a verified order names the one verification that stands; no other order has one, none came after its last day",
        "兑换单状态与核销记录不符", ORDERS,
        """("order" is not null) and (stand <> (status = 'verified')::int or standing is distinct from verification_id::text or late)""",
        "id", subject="member_id",
    ),
    Check(
        "I7", "what is held and captured fits the state of each order", "兑换单与冻结、扣减的积分不符", ORDERS,
        """"order" is null and holds > 0 or "order" is not null and (
               held <> case status when 'issued' then points else 0 end
            or amount <> case when status in ('issued', 'verified') then -points else 0 end)""",
        "id", subject="member_id",
    ),
    Check(
        "I7b", "an order has one hold, a capture for each verification, a reversal for each undo, and one release when it has ended",
        "兑换单的积分流水笔数不符", ORDERS,
        """"order" is not null and (holds <> 1 or captures <> verified or undos <> undone
            or releases <> (status in ('cancelled', 'expired'))::int)""",
        "id", subject="member_id",
    ),
    Check(
        "I7c", "whoever verified held a right at that store that had not ended, and did not verify an own order", "核销人无权在该店核销",
        VERIFICATIONS, "until is null or until + interval '1 minute' < verified_at or clerk_id = member_id", "id", About.STORE, "store_id",
    ),
    Check(
        "I7d", "what is redeemed at a store in a month is what its standing verifications cost", "商家月度核销积分与核销记录不符", REDEEMED,
        "not old and booked is distinct from verified", "id", About.STORE, "store_id",
    ),
    Check(
        "I9", "the member has one message for each verification, undo and expiry of an order, and no other about it",
        "兑换通知与兑换事件不符", ORDERS,
        """"order" is null and messages > 0
            or not erased and messages <> verified + undone + (status = 'expired')::int""",
        "id", subject="member_id",
    ),
    Check(
        "I9b", "the member has one message for each change by hand, and no other about a line", "人工调整的通知与流水不符", PROPOSALS,
        "case when id is null then line is null else not erased and messages <> 1 end", "coalesce(id, told)", subject="member_id",
    ),
    Check(
        "I13", "settlement lines are verifications of that store that stand, not after their month, at their order's price",
        "结算明细与核销记录不符", SETTLED, "used_at <> store_id or undone is not null or cents <> settlement_cents or used_in > month",
        "id", About.STORE, "store_id",
    ),
)
