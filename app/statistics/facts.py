"""The SQL that all figures are made of: what the event log says of a report, and how that is spread over the summaries.

States, acceptance, rework, extensions, verdicts and closing are read from the log; place, area, category, unit, severity and whether a
limit was missed from the report. A report without a log, as tests and imports have it, counts in the state of its row.
"""

from app.categories.models import ExactPlace
from app.categories.queries import FIRST
from app.reports import workflow as reports_workflow
from app.reports.eyes import ROUND_DIGITS
from app.statistics.workflow import BINS, BUCKETS, FINE, FINEST, FIRST_SECONDS, LEVELS, MICRO, STEP

NO_CATEGORY = "uncategorised"
COUNTS = ("received", "filed", "closed", "closed_in_time", "rework", "extension", "satisfied", "rated")
COLUMNS = (
    "report_id, day, area_path, category, unit, status, severity, filed, closed, closed_in_time, rework, extension, satisfied, rated,"
    " seconds, lng, lat, x, y, public"
)
# Where the category keeps exact places from strangers, the map knows the rounded one only: a small box would find the other.
GUARDED = f"""
select exists (select from report_category_version v where v.category_code = r.category_code
                  and v.version = coalesce(r.category_version, {FIRST}) and v.exact_place = '{ExactPlace.HANDLERS.value}') as guarded"""
_PUBLIC = ", ".join(f"'{status.value}'" for status in sorted(reports_workflow.PUBLIC))


def _cell(axis: str) -> str:
    return f"floor({axis} * {FINEST}.0 / {MICRO})::integer"


def _shown(axis: str) -> str:
    exact, coarse = f"r.{axis}", f"round(r.{axis}::numeric, {ROUND_DIGITS})::double precision"
    return f"round(case when g.guarded then {coarse} else {exact} end * {MICRO})::integer"


def facts(which: str) -> str:
    """One row a report. `which` is a condition on `report r`."""
    return f"""
select report_id, day, area_path, category, unit, status, severity, filed, closed, closed and not late as closed_in_time, rework,
       extension, coalesce(verdict, false) as satisfied, verdict is not null as rated,
       case when closed then greatest(0, extract(epoch from closed_at - created_at))::bigint end as seconds,
       lng, lat, {_cell("lng")} as x, {_cell("lat")} as y, status in ({_PUBLIC}) as public
  from (
    select r.id as report_id, r.created_at, (r.created_at at time zone 'Asia/Shanghai')::date as day, r.area_path,
           coalesce(r.category_code, '{NO_CATEGORY}') as category, r.unit_id::text as unit,
           coalesce(l.status, r.status) as status, r.severity, r.late, coalesce(l.filed, r.accepted_at is not null) as filed,
           coalesce(l.status, r.status) = 'closed' as closed, l.closed_at, coalesce(l.rework, false) as rework,
           coalesce(l.extension, false) as extension, l.verdict,
           {_shown("lng")} as lng, {_shown("lat")} as lat
      from report r cross join lateral ({GUARDED}) g cross join lateral (
        select (array_agg(e.to_status order by e.created_at desc, e.id desc))[1] as status,
               bool_or(e.command = 'accept') as filed,
               bool_or(e.facts @> '{{"rework": true}}') as rework,
               bool_or(e.command = 'extend' and e.actor_role = 'reviewer'
                       or e.facts @> '{{"request": "extend", "approve": true}}') as extension,
               (array_agg((e.facts ->> 'satisfied')::boolean order by e.created_at desc, e.id desc)
                 filter (where e.command = 'feedback' and e.actor_role = 'reporter'))[1] as verdict,
               min(e.created_at) filter (where e.to_status = 'closed') as closed_at
          from report_event e where e.report_id = r.id) l
     where {which}) r"""


def changes(which: str) -> str:
    """Of the marked reports, what is to be added to the summaries (sign 1) and what is to be taken out of them (sign -1).

    Marks come and go too fast for statistics. As an array they are few to the planner, whatever it last heard: it looks the reports up
    by their ids, and never reads all of them.
    """
    ids = "array(select report_id from marked)"
    return f"""
marked as materialized (select distinct report_id from unnest(array(select report_id from report_stale)) as report_id),
change as materialized (
  select 1 as sign, fresh.* from ({facts(f"r.id = any({ids}) and {which}")}) fresh
  union all
  select -1, {COLUMNS} from report_fact where report_id = any({ids}))"""


BUCKET = (
    f"case when seconds < {FIRST_SECONDS} then seconds * {FINE} / {FIRST_SECONDS} when seconds >= {FIRST_SECONDS}"
    f" then least({BUCKETS - 1}, {FINE} + floor(ln(seconds / {FIRST_SECONDS}.0::float8) / ln({STEP}::float8) * {FINE})) end::smallint"
)
# A report counts once in each dimension; by area it is told apart when the areas of its path are known.
OWN_DIMENSIONS = "values ('total', ''), ('category', category), ('unit', unit), ('status', status), ('severity', severity)"
TIMED = "('total', 'category', 'area', 'unit')"  # the dimensions that hours are told by


def counted(sign: str = "sign") -> str:
    """The counts of a group of facts."""
    flags = ", ".join(f"sum({sign} * {name}::integer) as {name}" for name in COUNTS[1:])
    return f"sum({sign}) as received, {flags}"


def added() -> str:
    return ", ".join(f"sum({name})::integer as {name}" for name in COUNTS)


def binned(number: str) -> str:
    """Cases by coarse bins, from rows that have a bucket; an empty array where there is none."""
    bins = ", ".join(f"coalesce(sum({number}) filter (where bucket / {FINE} = {bin_}), 0)" for bin_ in range(BINS))
    return f"case when count(bucket) > 0 then array[{bins}] else '{{}}' end::integer[]"


def fined(number: str) -> str:
    """Cases of one bin by its fine buckets."""
    return f"array[{', '.join(f'coalesce(sum({number}) filter (where bucket % {FINE} = {one}), 0)' for one in range(FINE))}]::integer[]"


def summed(column: str, length: int) -> str:
    """Element by element, over rows whose arrays may be empty."""
    return "array[" + ", ".join(f"coalesce(sum({column}[{one}]), 0)" for one in range(1, length + 1)) + "]::integer[]"


def spread(source: str) -> str:
    """From rows `(sign, facts…)`, as CTEs: `series`, and the rows of report_summary (`summary`), report_hours (`timed`), report_cell."""
    return f"""
narrow as materialized (
  select area_path, day, dimension, key, {counted()}, case when dimension in {TIMED} then {BUCKET} end as bucket
    from {source} cross join lateral ({OWN_DIMENSIONS}) as told (dimension, key) where key is not null
   group by 1, 2, 3, 4, bucket),
areas as materialized (
  select paths.area_path, array_to_string(codes[1 : depth], '/') || '/' as around, coalesce(codes[depth + 1], '') as below
    from (select distinct area_path, string_to_array(rtrim(area_path, '/'), '/') as codes from narrow) as paths
   cross join lateral generate_series(1, cardinality(codes)) as depth),
series as materialized (
  select id, around as area_path, dimension, key, area_path as own_path, own_dimension, own_key
    from (
      select distinct around, own.dimension, own.key, area_path, own.dimension as own_dimension, own.key as own_key
        from (select distinct area_path, dimension, key from narrow) as own join areas using (area_path)
      union all select around, 'area', below, area_path, 'total', '' from areas) as told
   cross join lateral hashtextextended(concat_ws(' ', around, dimension, key), 0) as id),
wide as materialized (
  select s.id as series_id, month, first, bucket, {added()}
    from narrow n join series s on s.own_path = n.area_path and s.own_dimension = n.dimension and s.own_key = n.key
   cross join lateral (values (false, day), (true, date_trunc('month', day)::date)) as spread (month, first)
   group by 1, 2, 3, 4),
timed as materialized (
  select series_id, month, first, (bucket / {FINE})::smallint as bin, sum(closed)::integer as closed, {fined("closed")} as fine
    from wide where bucket is not null and closed <> 0 group by 1, 2, 3, 4),
summary as materialized (select series_id, month, first, {added()}, {binned("closed")} as hours from wide group by 1, 2, 3),
cells as materialized (
  select level::smallint as level, x >> level as x, y >> level as y, area_path, sum(sign) as reports,
         sum(sign * lng::bigint)::bigint as lng, sum(sign * lat::bigint)::bigint as lat,
         coalesce(sum(sign) filter (where public), 0) as public_reports,
         coalesce(sum(sign * lng::bigint) filter (where public), 0)::bigint as public_lng,
         coalesce(sum(sign * lat::bigint) filter (where public), 0)::bigint as public_lat
    from {source} cross join unnest(array{list(LEVELS)}) as level
   group by 1, 2, 3, 4)"""
