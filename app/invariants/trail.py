"""I12: the audit trail tells of every line of the ledger, and of nothing else that it should have moved. Its chain is checked by `seals`.

Events are kept for 400 days, so older ones are not asked for. What lies within an hour of that border is left alone: a line may stand on
one side of it and its event on the other.
"""

from app.invariants.scans import Check, Rows

SINCE = "now() - interval '399 days'"

# Acts of a kind upon one thing, for one member: how many and of how many points, by the ledger minus by the trail. An order is one
# member's, so its events do not name one. An award over a cap leaves an event of 0 points and no line.
ACTS = Rows(f"""
select kind, object_id, max(member_id::text)::uuid as member_id, sum(acts) as acts, sum(points) as points, min(at) as since,
       count(*) filter (where acts > 0) as lines
  from (
    select case kind when 'reverse' then 'undo' else kind end as kind, reference_id as object_id, member_id,
           case when kind in ('earn', 'expire') then member_id end as whose, 1 as acts,
           case kind when 'capture' then -held when 'reverse' then held else abs(amount) end as points, created_at as at
      from points_transaction
     where created_at > {SINCE} and (kind not in ('reverse', 'adjust') or kind = 'reverse' and amount = 0)
    union all
    select case action when 'points.award' then 'earn' when 'points.lapse' then 'expire' when 'redemption.place' then 'hold'
                when 'redemption.verify' then 'capture' when 'redemption.undo' then 'undo' else 'release' end,
           object_id, null, (facts ->> 'member_id')::uuid, -1,
           -(facts ->> case action when 'points.award' then 'credited' else 'points' end)::int, created_at
      from audit_event
     where created_at > {SINCE} and outcome = 'ok'
       and (action = 'points.award' and facts ->> 'credited' <> '0'
         or action in ('points.lapse', 'redemption.place', 'redemption.verify', 'redemption.undo', 'redemption.cancel',
                       'redemption.expire'))) act
 group by kind, object_id, whose""", counted="sum(lines)")

# Changes by hand, by the proposal that they carry out; what an erasure settles, by the event of the erasure.
BY_HAND = Rows(f"""
select t.id, t.member_id, case t.reference_type when 'erasure' then f.object_id else e.object_id end as event
  from points_transaction t
  left join points_proposal p on p.transaction_id = t.id
  left join (
    select distinct object_id from audit_event where object_kind = 'points_proposal' and action like 'points.approved%') e
    on e.object_id = p.id
  left join (select distinct object_id from audit_event where action = 'auth.forget') f on f.object_id = t.member_id
 where t.created_at > {SINCE} and (t.kind = 'adjust' or t.kind = 'reverse' and t.amount <> 0)""")

CHECKS = (
    Check(
        "I12", "every line that an award, an order or a lapse wrote has its audit event of as many points, and every such event its line",
        "积分流水与审计记录不符", ACTS, f"(acts <> 0 or points <> 0) and since > {SINCE} + interval '1 hour'",
        "concat_ws(' ', kind, object_id)",
        subject="coalesce(member_id, (select r.member_id from redemption r where r.id = object_id))",
    ),
    Check(
        "I12b", "every change by hand has an approved proposal or an erasure behind it, with its audit event", "人工调整没有审计记录",
        BY_HAND, "event is null", "id", subject="member_id",
    ),
)
