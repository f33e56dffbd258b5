"""Every change of organisations and of the words for them. Lock order: the tree (when a parent changes), the organisation."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Area
from app.audit import service as audit_service
from app.auth import service as auth_service
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.errors import Forbidden, NotFound, ValidationFailed, expect_version
from app.organisations import queries, queries_words, workflow
from app.organisations.models import Formation, FormationWord, KindWord, Organisation, OrganisationKind


async def create(session: AsyncSession, *, principal: Principal, area_id: UUID, fields: Mapping[str, Any]) -> Organisation:
    """Adds an organisation and its scope; without `founded_on` it is founded today.

    Raises ValidationFailed for a kind or formation that is unknown or out of force, NotFound for an unknown area, parent or enterprise,
    Forbidden for an area that the caller does not administer.
    """
    words = await _require_words(session, fields)
    for field in queries_words.TABLES:
        queries_words.require_in_force(words, field=field, code=fields[field])
    founded_on = fields.get("founded_on") or clock.today()
    workflow.require_order(founded_on, fields.get("dissolved_on"))
    area = await areas_queries.get(session, area_id)
    await _require_known(session, fields)
    _require_administered(principal, area)
    organisation = Organisation(area_id=area.id, area_path=area.path, **(dict(fields) | {"founded_on": founded_on}))
    session.add(organisation)
    await session.flush()
    await _written(session, organisation, "organisation.create", kind=organisation.kind)
    return organisation


async def update(
    session: AsyncSession, *, principal: Principal, organisation_id: UUID, seen: int | None, area_id: UUID | None, fields: Mapping[str, Any]
) -> Organisation:
    """Changes what is given; `area_id` None leaves it where it is, another moves it and every grant on it. Locks the row.

    One that is dissolved takes nobody in any more. Who is registered with it stands in a feature above: to look after them first, by a
    transfer, is the administrators' part.

    Raises NotFound, Forbidden for who does not administer both places, VersionMismatch, Conflict for a change that the tenant's root
    committee must not have, ValidationFailed for a parent that stands below, for words as `create`, for an end before the beginning.
    """
    words = await _require_words(session, fields)
    if fields.get("parent_id") is not None:
        await queries.hold_tree(session)
    area = None if area_id is None else await areas_queries.get(session, area_id)
    await _require_known(session, fields)
    organisation = await queries.access_administered(session, principal=principal, organisation_id=organisation_id)
    if area is not None:
        _require_administered(principal, area)
    await _require_no_ring(session, organisation, fields.get("parent_id"))
    expect_version(seen, organisation.version)
    for field in queries_words.TABLES:
        queries_words.require_in_force(words, field=field, code=fields.get(field), held=[getattr(organisation, field)])
    begins, ends = fields.get("founded_on", organisation.founded_on), fields.get("dissolved_on", organisation.dissolved_on)
    workflow.require_order(begins, ends)
    workflow.require_kept(organisation, area_id=area_id, fields=fields)
    place = {} if area is None else {"area_id": area.id, "area_path": area.path}
    for name, value in (dict(fields) | place).items():
        setattr(organisation, name, value)
    organisation.version += 1
    session.add(organisation)
    await session.flush()
    await _written(session, organisation, "organisation.update", fields=sorted(fields), moved=area is not None)
    return organisation


async def ensure_root_committee(session: AsyncSession, *, area: Area) -> Organisation:
    """The comprehensive committee of a tenant's root, made when it is first needed. Two at once get the same one."""
    made = await session.exec(
        insert(Organisation)
        .values(
            id=new_id(), name=workflow.committee_name(area.name), kind=OrganisationKind.COMPREHENSIVE_COMMITTEE,
            formation=Formation.REGIONAL, area_id=area.id, area_path=area.path, root_committee=True, version=1,
        )
        .on_conflict_do_nothing(index_elements=["area_id"], index_where=sa.text("root_committee"))
        .returning(col(Organisation.id))
    )
    new = made.scalars().first() is not None
    committee = await queries.root_committee(session, area_id=area.id)
    if new:
        await _written(session, committee, "organisation.create", kind=committee.kind)
    return committee


async def put_kind(session: AsyncSession, *, principal: Principal, code: str, fields: Mapping[str, Any]) -> KindWord:
    """Adds a kind, or changes its name and rules; organisations that have it keep it. Raises Forbidden."""
    found = await _put_word(session, principal, KindWord, code, fields)
    kind: KindWord = found.scalars().one()
    _word_written(session, "kind", code, fields)
    return kind


async def put_formation(session: AsyncSession, *, principal: Principal, code: str, fields: Mapping[str, Any]) -> FormationWord:
    """Adds a formation way, or changes its name; organisations that have it keep it. Raises Forbidden."""
    found = await _put_word(session, principal, FormationWord, code, fields)
    formation: FormationWord = found.scalars().one()
    _word_written(session, "formation", code, fields)
    return formation


async def _put_word(
    session: AsyncSession, principal: Principal, table: type[KindWord] | type[FormationWord], code: str, fields: Mapping[str, Any]
) -> sa.Result[Any]:
    if not principal.has(Role.PLATFORM_ADMIN):
        raise Forbidden
    return await session.exec(
        insert(table)
        .values(code=code, **fields)
        .on_conflict_do_update(index_elements=["code"], set_=dict(fields))
        .returning(table)
        .execution_options(populate_existing=True)
    )


def _word_written(session: AsyncSession, field: str, code: str, fields: Mapping[str, Any]) -> None:
    facts = {name: value for name, value in fields.items() if name != "name"}
    audit_service.record(session, f"organisation.put_{field}", object_kind=f"organisation_{field}", object_id=None, code=code, **facts)


async def _require_words(session: AsyncSession, fields: Mapping[str, Any]) -> queries_words.Words:
    """The words as they stand. Raises ValidationFailed for a kind or formation that is none of them."""
    words = await queries_words.words(session)
    for field in queries_words.TABLES:
        queries_words.require_known(words, field=field, code=fields.get(field))
    return words


async def _require_known(session: AsyncSession, fields: Mapping[str, Any]) -> None:
    """Raises NotFound for a parent or an enterprise that does not exist."""
    if fields.get("parent_id") is not None:
        await queries.get(session, fields["parent_id"])
    enterprise_id = fields.get("enterprise_id")
    if enterprise_id is not None and not await enterprises_queries.by_ids(session, [enterprise_id]):
        raise NotFound


def _require_administered(principal: Principal, area: Area) -> None:
    if not principal.covers(area.path, Role.AREA_ADMIN):
        raise Forbidden


async def _require_no_ring(session: AsyncSession, organisation: Organisation, parent_id: UUID | None) -> None:
    """Raises ValidationFailed for a parent that is the organisation itself or stands below it. The tree is held."""
    if parent_id is not None and await queries.stands_above(session, above_id=organisation.id, below_id=parent_id):
        raise ValidationFailed.of("body", "parent_id", msg="上级组织不能是自己或自己的下级", kind="parent_ring")


async def _written(session: AsyncSession, organisation: Organisation, action: str, **facts: Any) -> None:
    """What goes with every change: the scope that grants name, and the trail."""
    await auth_service.put_scope(
        session, scope_type=ScopeType.ORGANISATION, scope_id=organisation.id, area_path=organisation.area_path, name=organisation.name
    )
    audit_service.record(
        session, action, object_kind="organisation", object_id=organisation.id, area_path=organisation.area_path, **facts
    )
    await session.flush()
