"""Clusters of the map. Which reports are counted depends on the box alone; the zoom only groups them."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.auth.principal import Principal, beyond
from app.db import acting
from app.db.acting import Reason
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.reports import workflow as reports_workflow
from app.statistics import workflow
from app.statistics.facts import changes
from app.statistics.workflow import EXACT_PLACES, MICRO, Box

# Staff see every state in their areas, everyone else what was accepted.
OWN = """exists (
  select from unnest(cast(:paths as text[]), cast(:beyond as text[])) as own (path, beyond)
   where area_path ~>=~ own.path and area_path ~<~ own.beyond)"""
CHANGES = changes("true")
FEATURES = f"""
select coalesce(sum(reports), 0)::bigint as reports,
       json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(json_build_object(
         'type', 'Feature',
         'geometry', json_build_object('type', 'Point', 'coordinates', json_build_array(
           round(lng / reports / {MICRO}, 6)::float8, round(lat / reports / {MICRO}, 6)::float8)),
         'properties', json_build_object('count', reports))), '[]'))::text as geojson
  from cluster"""


def _cells(prefix: str, scope: str, changed: str) -> sa.TextClause:
    return sa.text(f"""
with {CHANGES}, cluster as (
select x >> :grouping as x, y >> :grouping as y, sum(reports)::bigint as reports, sum(lng) as lng, sum(lat) as lat
  from (
    select x, y, {prefix}reports as reports, {prefix}lng as lng, {prefix}lat as lat
      from generate_series(cast(:west as integer), cast(:east as integer)) as column_
      join report_cell on level = :level and x = column_ and y between :south and :north
     where {scope}
    union all
    select x >> :level, y >> :level, sign, sign * lng::bigint, sign * lat::bigint from change
     where x >> :level between :west and :east and y >> :level between :south and :north and {changed}) as counted
 group by 1, 2 having sum(reports) > 0){FEATURES}""")


def _places(scope: str) -> sa.TextClause:
    return sa.text(f"""
with {CHANGES}, cluster as (
select x >> :grouping as x, y >> :grouping as y, count(*) as reports, sum(lng)::numeric as lng, sum(lat)::numeric as lat
  from (
    select x, y, lng, lat, area_path, public from report_fact
     where point(lng::double precision, lat::double precision) <@ box(point(:west, :south), point(:east, :north))
       and report_id not in (select report_id from marked)
    union all
    select x, y, lng, lat, area_path, public from change
     where sign = 1 and lng between :west and :east and lat between :south and :north) as found
 where {scope} group by 1, 2){FEATURES}""")


CELLS_OWN, CELLS_PUBLIC = Prepared(_cells("", OWN, OWN)), Prepared(_cells("public_", "public_reports > 0", "public"))
PLACES_OWN, PLACES_PUBLIC = Prepared(_places(OWN)), Prepared(_places("public"))


@dataclass(frozen=True, slots=True)
class Clusters:
    """So many reports, and the clusters that they make as a GeoJSON FeatureCollection, written by the database."""

    reports: int
    geojson: str


async def clusters(session: AsyncSession, *, principal: Principal, box: Box, zoom: int) -> Clusters:
    """The reports of all cells that the box touches; where they are few, exactly those in the box. Each cluster is a point in the middle
    of its reports.
    """
    cells = workflow.cells(box)
    grouping = workflow.grouping(cells, zoom)
    staff, own = _own(principal)
    if not staff:
        await acting.as_service(session, Reason.FIGURES)
    edges: dict[str, Any] = {"west": cells.west, "south": cells.south, "east": cells.east, "north": cells.north}
    asked = {**own, **edges, "level": cells.level, "grouping": grouping}
    found = await _clusters(session, CELLS_OWN if staff else CELLS_PUBLIC, asked)
    if 0 < found.reports < EXACT_PLACES:
        places = dict(zip(edges, (float(round(edge * MICRO)) for edge in box), strict=True))
        asked = {**own, **places, "grouping": cells.level + grouping}
        found = await _clusters(session, PLACES_OWN if staff else PLACES_PUBLIC, asked)
    return found


async def _clusters(session: AsyncSession, statement: Prepared, asked: dict[str, Any]) -> Clusters:
    [row] = await statement.all(session, **asked)
    return Clusters(row["reports"], row["geojson"])


def _own(principal: Principal) -> tuple[bool, dict[str, Any]]:
    if not principal.has(*reports_workflow.STAFF):
        return False, {}
    paths = principal.area_paths(*reports_workflow.STAFF)
    return True, {"paths": list(paths), "beyond": [beyond(path) for path in paths]}
