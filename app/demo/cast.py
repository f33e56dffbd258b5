"""Who acts in one part of the demo: principals by their names, and the rows that their acts name."""

from dataclasses import dataclass, field
from uuid import UUID

from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.demo import names, people, plan
from app.enterprises import queries as enterprises_queries
from app.rewards import queries as rewards_queries
from app.stores import queries as stores_queries

PAGE = 100


@dataclass
class Cast:
    """Ids: `areas` (communities) and `places` (county, streets) by code, `stores` and `enterprises` by their position in the plan.

    Principals are read when asked for.
    """

    appid: str
    versions: dict[str, str]
    areas: dict[str, UUID]
    places: dict[str, UUID]
    stores: list[UUID]
    enterprises: list[UUID]
    water: UUID
    known: dict[str, Principal] = field(default_factory=dict)

    async def play(self, session: AsyncSession, person: str) -> Principal:
        """The principal of somebody of the demo, who acts from now on. Raises LookupError for one who never came in."""
        if person not in self.known:
            self.known[person] = await people.principal(session, appid=self.appid, person=person)
        people.act_as(session, self.known[person].account_id)
        return self.known[person]


async def gather(session: AsyncSession, *, appid: str) -> Cast:
    """Raises LookupError when the county is not (or no longer) as it was loaded."""
    admin = await people.principal(session, appid=appid, person=people.ADMINS[0])
    county, *_ = await areas_queries.ancestors(session, path=f"{plan.COUNTY_CODE}/")
    communities, places = {}, {county.code: county.id}
    for street in await areas_queries.children(session, parent_id=county.id, limit=PAGE, after=None):
        places[street.code] = street.id
        for area in await areas_queries.children(session, parent_id=street.id, limit=PAGE, after=None):
            communities[area.code] = area.id
    stores = await stores_queries.stores(session, principal=admin, area_path=county.path, limit=PAGE, after=None)
    employers = await enterprises_queries.enterprises(session, area_id=county.id, kind=None, limit=PAGE, after=None)
    rewards = await rewards_queries.rewards(
        session, principal=admin, area_path=county.path, store_id=None, kind=None, limit=PAGE, after=None
    )
    by_name = {row.name: row.id for rows in (stores, employers, rewards) for row in rows}
    return Cast(
        appid, await people.versions(session), communities, places, [by_name[store.name] for store in plan.stores()],
        [by_name[enterprise[0]] for enterprise in names.ENTERPRISES], by_name[names.WATER],
    )
