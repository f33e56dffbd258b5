"""The nightly look, store by store. Each is read, judged and written on its own: one that fails holds up no other."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.areas import queries as areas_queries
from app.collusion import queries_evidence, reviewing, service, workflow
from app.collusion.facts import Acceptances, Threshold, Thresholds
from app.collusion.models import ReasonCode
from app.collusion.queries_evidence import Evidence
from app.collusion.reviewing import Reviewed
from app.collusion.workflow import Finding
from app.jobs.registry import Context, every
from app.reports import queries_decisions
from app.stores.models import Store

PATIENCE = sa.text("set local statement_timeout = '60s'")  # of a tenant's acceptances; a store's rows take milliseconds


@dataclass(frozen=True, slots=True)
class Look:
    context: Context
    since: datetime
    thresholds: Thresholds


@every("13 19 * * *", "collusion.look")
async def look(context: Context) -> None:
    """At thirteen past three in Shanghai. Where nothing is new everything stays as it was, however often this runs."""
    since = clock.day_start(clock.today() - timedelta(days=workflow.WINDOW_DAYS))
    async with context.database.transaction() as session:
        run = Look(context, since, await queries_evidence.thresholds(session))
        stores = await queries_evidence.stores(session, since=since)
        tenants = await areas_queries.tenants(session)
    failed: list[Exception] = []
    for tenant in tenants:
        own = [store for store in stores if store.area_path.startswith(tenant.path)]
        failed += await _look_at_tenant(run, tenant.path, own) if own else []
    if failed:
        raise ExceptionGroup("stores that could not be looked at", failed)


async def _look_at_tenant(run: Look, area_path: str, stores: list[Store]) -> list[Exception]:
    """What went wrong. Without what its reviewers did a tenant's stores are looked at all the same."""
    failed: list[Exception] = []
    reviewed: Mapping[UUID, Reviewed] = {}
    try:
        reviewed = await _reviewed(run, area_path)
    except Exception as error:
        failed.append(error)
    for store in stores:
        try:
            await _look_at(run, store, reviewed)
        except Exception as error:
            failed.append(error)
    return failed


async def _reviewed(run: Look, area_path: str) -> Mapping[UUID, Reviewed]:
    asked = run.thresholds.get(ReasonCode.REVIEWER_SHARE)
    if asked is None:
        return {}
    async with run.context.database.transaction() as session:
        await session.exec(PATIENCE)
        rows = await queries_decisions.accepted(session, area_path=area_path, since=run.since)
    return await asyncio.to_thread(_weighed, rows, asked)


async def _look_at(run: Look, store: Store, reviewed: Mapping[UUID, Reviewed]) -> None:
    """Judged between the transactions, in a thread: it may take a moment, and nobody waits for it."""
    async with run.context.database.transaction() as session:
        await session.exec(PATIENCE)
        evidence = await queries_evidence.of_store(session, store, since=run.since)
    findings = await asyncio.to_thread(_judged, run, evidence, reviewed) if evidence else []
    if evidence and findings:
        async with run.context.database.transaction() as session:
            await service.record(session, store=store, findings=findings, days=evidence.days)


def _weighed(rows: Sequence[Any], asked: Threshold) -> Mapping[UUID, Reviewed]:
    accepted = [Acceptances(member, reviewer, (community, part), count) for member, reviewer, community, part, count in rows]
    return reviewing.reviewed(accepted, asked)


def _judged(run: Look, evidence: Evidence, reviewed: Mapping[UUID, Reviewed]) -> list[Finding]:
    return workflow.findings(evidence.at(), reviewed, run.thresholds)
