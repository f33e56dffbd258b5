"""I5: each source pays once, and what was judged is what was paid; I11: within the caps."""

from app.invariants.scans import Check, Rows

AWARDS = Rows("""
select coalesce(a.id, t.id) as id, a.id as award, coalesce(a.member_id, t.member_id) as member_id, a.credited,
       t.id as line, t.amount, t.member_id = a.member_id as same_member, t.reference_id = a.source_id as same_source,
       t.rule_code = a.rule_code and t.rule_version = a.rule_version as same_rule
  from points_award a full join (select * from points_transaction where kind = 'earn') t on t.id = a.transaction_id""")

KEYS = Rows("""
select rule_code, source_type, source_id, member_id, count(*) as times
  from points_award group by rule_code, source_type, source_id, member_id""", counted="sum(times)")

# Each report beside what was judged of it for its reporter: at its acceptance, at its first closing. What waits for a second reviewer, or
# was refused by one, is judged too.
REPORTS = Rows("""
select r.id, r.member_id, r.accepted_rule, r.first_closed_at, j.rules, coalesce(j.accepted, 0) as accepted, coalesce(j.closed, 0) as closed
  from report r left join (
    select source_id, member_id, min(rule_code) filter (where rule_code <> 'REPORT_CLOSED') as rules,
           count(*) filter (where rule_code <> 'REPORT_CLOSED') as accepted, count(*) filter (where rule_code = 'REPORT_CLOSED') as closed
      from (
        select source_id, member_id, rule_code from points_award
         where source_type = 'report' and rule_code in ('REPORT_ACCEPTED', 'HAZARD_ACCEPTED', 'REPORT_CLOSED')
        union all
        select source_id, member_id, rule_code from points_confirmation
         where source_type = 'report' and rule_code in ('REPORT_ACCEPTED', 'HAZARD_ACCEPTED', 'REPORT_CLOSED')
           and status in ('pending', 'refused')) judged
     group by source_id, member_id) j on j.source_id = r.id and j.member_id = r.member_id""")

CONFIRMATIONS = Rows("""
select c.id, c.member_id, c.status, a.id as award
  from points_confirmation c left join points_award a
    on a.rule_code = c.rule_code and a.source_type = c.source_type and a.source_id = c.source_id and a.member_id = c.member_id""")

BY_PEOPLE = Rows("""
select p.id, p.member_id, p.amount, p.rule_code, a.id as award, t.kind, t.amount as moved, t.rule_code as moved_by
  from points_proposal p
  left join points_award a on a.rule_code = p.rule_code and a.member_id = p.member_id and a.source_id = coalesce(p.report_id, p.id)
  left join points_transaction t on t.id = p.transaction_id
 where p.type = 'award' and p.status = 'approved'""")

# What a member was credited under a rule in a period that the rule limits. Where the versions of the rule that judged there have
# different caps, each award is held to its own, in the order in which they were judged: a cap that was lowered takes nothing back.
UNDER_RULES = Rows("""
select member_id, rule_code, span, since, sum(units) as used, min(cap) as least, max(cap) as most, count(*) as awards
  from (
    select a.member_id, a.rule_code, a.units_credited as units, s.span, s.since, s.cap
      from points_award a join points_rule r on r.code = a.rule_code and r.version = a.rule_version
     cross join lateral (values
        ('day', a.filed_on, r.per_day), ('week', date_trunc('week', a.filed_on)::date, r.per_week),
        ('month', date_trunc('month', a.filed_on)::date, r.per_month), ('year', date_trunc('year', a.filed_on)::date, r.per_year)
       ) s(span, since, cap)
     where a.credited > 0 and s.cap is not null) limited
 group by member_id, rule_code, span, since""", counted="sum(awards)")
OVER_OWN_CAP = """used > least and (least = most or exists (
    select from (
      select case s.span when 'day' then r.per_day when 'week' then r.per_week when 'month' then r.per_month else r.per_year end as cap,
             sum(a.units_credited) over (order by a.created_at, a.id) as used
        from points_award a join points_rule r on r.code = a.rule_code and r.version = a.rule_version
       where a.member_id = s.member_id and a.rule_code = s.rule_code and a.credited > 0
         and date_trunc(s.span, a.filed_on)::date = s.since) judged
     where judged.used > judged.cap))"""

# What a member was credited by all rules in a day, a month, a year, beside the highest global cap that held, anywhere, on a day of that
# period on which something was filed: a sound bound, since the last award of the period was judged by one of them.
CREDITED = Rows("""
select c.member_id, c.span, c.since, c.points, c.awards, b.bound
  from (
    select member_id, case grouping(day, month, year) when 3 then 'day' when 5 then 'month' else 'year' end as span,
           coalesce(day, month, year) as since, sum(credited) as points, count(*) as awards
      from (
        select member_id, credited, filed_on as day, date_trunc('month', filed_on)::date as month,
               date_trunc('year', filed_on)::date as year
          from points_award where credited > 0) a
     group by member_id, grouping sets (day, month, year)) c
  left join (
    select s.span, s.since, case when bool_and(s.cap is not null) then max(s.cap) end as bound
      from (select distinct filed_on as day from points_award) d
      join points_cap k on k.code = 'GLOBAL' and coalesce(k.valid_from, d.day) <= d.day and coalesce(k.valid_until, d.day) >= d.day
     cross join lateral (values
        ('day', d.day, k.per_day), ('month', date_trunc('month', d.day)::date, k.per_month),
        ('year', date_trunc('year', d.day)::date, k.per_year)
       ) s(span, since, cap)
     group by s.span, s.since) b on b.span = c.span and b.since = c.since""", counted="sum(awards) filter (where span = 'day')")

CHECKS = (
    Check(
        "I5", "each credited award has its one earning, of the same amount, member, source and rule", "计分记录与积分流水不符", AWARDS,
        "award is null or credited > 0 and (line is null or amount <> credited or not (same_member and same_source and same_rule))",
        "id", subject="member_id",
    ),
    Check(
        "I5a", "nobody was judged twice by a rule for one source", "同一事项重复计分", KEYS, "times > 1",
        "concat_ws(' ', rule_code, source_type, source_id, member_id)", subject="member_id",
    ),
    Check(
        "I5b", "each accepted report was judged for its reporter, and only such reports", "上报受理与计分不符", REPORTS,
        "accepted <> (accepted_rule is not null)::int or accepted_rule <> rules", "id", subject="member_id",
    ),
    Check(
        "I5e", "each ordinary report that was closed was judged for its reporter, and only such reports", "上报办结与计分不符", REPORTS,
        "closed <> (first_closed_at is not null and accepted_rule is not distinct from 'REPORT_ACCEPTED')::int", "id",
        subject="member_id",
    ),
    Check(
        "I5c", "a confirmed confirmation has its award, one that is pending or refused has none", "第二审核与计分不符", CONFIRMATIONS,
        "(status = 'confirmed') <> (award is not null)", "id", subject="member_id",
    ),
    Check(
        "I5d", "each approved award by people was judged; each false report took its points once", "双人奖励与计分不符", BY_PEOPLE,
        "amount > 0 and award is null"
        " or amount < 0 and (kind is distinct from 'adjust' or moved <> amount or moved_by is distinct from rule_code)",
        "id", subject="member_id",
    ),
    Check(
        "I11", "nobody was credited more than the global cap of a day, a month, a year", "超过总积分上限", CREDITED, "points > bound",
        "concat_ws(' ', member_id, span, since)", subject="member_id",
    ),
    Check(
        "I11b", "nobody was credited more often than the cap of the rule's version in a day, week, month, year", "超过单项规则上限",
        UNDER_RULES, OVER_OWN_CAP, "concat_ws(' ', member_id, rule_code, span, since)", subject="member_id",
    ),
)
