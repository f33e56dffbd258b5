"""The invariants of reliability.md, "Ledger invariants", each as a query over the whole database whose rows are violations.

Caps (I11) are held at the award and cannot be read off the rows once a rule has a new version; the global cap can, and is checked.
"""

from dataclasses import dataclass

from app.points.workflow import GLOBAL_PER_DAY


@dataclass(frozen=True, slots=True)
class Check:
    """`sql` gives one text column that names the offending row by ids."""

    code: str
    means: str
    sql: str


CHECKS = (
    Check("I1", "the entries of each transaction sum to 0", """
        select transaction_id::text from points_entry group by transaction_id having sum(amount) <> 0"""),
    Check("I1b", "each transaction has entries, and its line tells what they do", """
        select t.id::text from points_transaction t left join (
            select transaction_id, sum(amount) filter (where account in ('available', 'debt')) as amount,
                   sum(amount) filter (where account = 'held') as held
              from points_entry group by transaction_id) e on e.transaction_id = t.id
         where e.transaction_id is null or t.amount <> coalesce(e.amount, 0) or t.held <> coalesce(e.held, 0)"""),
    Check("I2", "all accounts together sum to 0", "select sum(amount)::text from points_entry having sum(amount) <> 0"),
    Check("I3", "no balance is below 0, and debt is settled first", """
        select member_id::text from points_balance where available < 0 or held < 0 or debt < 0 or (available > 0 and debt > 0)"""),
    Check("I4", "stored balances equal the sums of entries", """
        select coalesce(b.member_id, e.member_id)::text from points_balance b full join (
            select member_id, coalesce(sum(amount) filter (where account = 'available'), 0) as available,
                   coalesce(sum(amount) filter (where account = 'held'), 0) as held,
                   -coalesce(sum(amount) filter (where account = 'debt'), 0) as debt
              from points_entry where member_id is not null group by member_id) e on e.member_id = b.member_id
         where coalesce(b.available, 0) <> coalesce(e.available, 0) or coalesce(b.held, 0) <> coalesce(e.held, 0)
            or coalesce(b.debt, 0) <> coalesce(e.debt, 0)"""),
    Check("I4b", "lots hold exactly what is available", """
        select b.member_id::text from points_balance b left join (
            select member_id, sum(remaining) as remaining from points_lot group by member_id) l on l.member_id = b.member_id
         where b.available <> coalesce(l.remaining, 0)"""),
    Check("I4c", "each line's balance follows from the one before", """
        select id::text from (
            select id, balance_after, amount, account_version,
                   lag(balance_after, 1, 0) over w as before, lag(account_version, 1, 0) over w as version_before
              from points_transaction window w as (partition by member_id order by account_version)) t
         where balance_after <> before + amount or account_version <> version_before + 1"""),
    Check("I5", "each credited award has its one earning, of the same amount", """
        select a.id::text from points_award a left join points_transaction t on t.id = a.transaction_id
         where a.credited > 0 and (t.kind is distinct from 'earn' or t.amount <> a.credited or t.member_id <> a.member_id
            or t.reference_id <> a.source_id)
        union all
        select t.id::text from points_transaction t left join points_award a on a.transaction_id = t.id
         where t.kind = 'earn' and a.id is null"""),
    Check("I5b", "each accepted report was judged for its reporter, and only such reports", """
        select r.id::text from report r left join points_award a
            on a.source_type = 'report' and a.source_id = r.id and a.member_id = r.member_id and a.rule_code = r.accepted_rule
         where r.accepted_rule is not null and a.id is null
        union all
        select a.id::text from points_award a join report r on r.id = a.source_id
         where a.source_type = 'report' and a.rule_code in ('REPORT_ACCEPTED', 'HAZARD_ACCEPTED') and a.member_id = r.member_id
           and r.accepted_rule is distinct from a.rule_code"""),
    Check("I6", "a verified order names a verification that stands; no other does", """
        select r.id::text from redemption r left join verification v on v.id = r.verification_id and v.redemption_id = r.id
          left join verification_undo u on u.verification_id = v.id
         where r.status = 'verified' and (v.id is null or u.verification_id is not null)
        union all
        select v.id::text from verification v join redemption r on r.id = v.redemption_id
          left join verification_undo u on u.verification_id = v.id
         where u.verification_id is null and r.verification_id is distinct from v.id"""),
    Check("I7", "what is held and captured fits the state of each order", """
        select r.id::text from redemption r left join (
            select reference_id, sum(held) as held, sum(amount) as amount from points_transaction
             where reference_type = 'redemption' group by reference_id) t on t.reference_id = r.id
         where coalesce(t.held, 0) <> case r.status when 'issued' then r.points else 0 end
            or coalesce(t.amount, 0) <> case when r.status in ('issued', 'verified') then -r.points else 0 end"""),
    Check("I8", "stock sold and left is the stock put in", """
        select s.reward_id::text from reward_stock s
          left join (select reward_id, sum(change) as put from reward_stock_entry group by reward_id) e on e.reward_id = s.reward_id
          left join (select reward_id, sum(quantity) as taken from redemption where status in ('issued', 'verified') group by reward_id) o
            on o.reward_id = s.reward_id
         where s.stock_left < 0 or s.stock_left + coalesce(o.taken, 0) <> coalesce(e.put, 0)"""),
    Check("I12b", "each verification left an audit event", """
        select v.id::text from verification v left join audit_event e
            on e.action = 'redemption.verify' and e.object_id = v.redemption_id and e.facts ->> 'verification_id' = v.id::text
         where e.id is null"""),
    Check("I11", "nobody was credited more than the global cap of a day", f"""
        select member_id::text || ' ' || filed_on::text from points_award
         group by member_id, filed_on having sum(credited) > {GLOBAL_PER_DAY}"""),
    Check("I12", "each award and each change by hand left an audit event", """
        select a.id::text from points_award a left join audit_event e
            on e.action = 'points.award' and e.object_id = a.source_id and e.facts ->> 'member_id' = a.member_id::text
           and e.facts ->> 'rule' = a.rule_code
         where e.id is null"""),
    Check("I13", "settlement lines are verifications of that store that stand, not after their month, at their order's price", """
        select l.verification_id::text from settlement_line l join settlement s on s.id = l.settlement_id
          join verification v on v.id = l.verification_id join redemption r on r.id = v.redemption_id
          left join verification_undo u on u.verification_id = v.id
         where v.store_id <> s.store_id or u.verification_id is not null or l.cents <> r.settlement_cents
            or date_trunc('month', v.verified_at at time zone 'Asia/Shanghai')::date > s.month"""),
)
