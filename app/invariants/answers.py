"""I10: a remembered answer that says "done" names something that was done, and what was done under a key has its answer.

The answers are sealed, so no SQL alone can tell: they are opened here, and go nowhere. Asked are the operations whose key is required.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import AsyncSession
from app.idempotency import service as idempotency_service
from app.invariants.scans import Check, Figure, Relation
from app.security.sealing import Unsealable

AT_ONCE = 2_000

# What each kind of answer names → whether it is there, and whose it is.
DONE = {
    "redemption": "select id, member_id from redemption where id = any(:ids)",
    "verification": "select id, clerk_id from verification where id = any(:ids)",
    "undo": "select verification_id, clerk_id from verification_undo where verification_id = any(:ids)",
    "report": "select id, member_id from report where id = any(:ids)",
    "proposal": "select id, maker_id from points_proposal where id = any(:ids)",
}
ANSWERS = sa.text(
    "select account_id, row_id, fingerprint, status, media_type, body from idempotency_key where status in (200, 201)"
)
# What came in by HTTP lately, of accounts that are still somebody's: an erasure takes the answers with it. Answers are kept a day longer.
ACTS = sa.text("""
select case action when 'redemption.place' then 'redemption' when 'redemption.verify' then 'verification'
            when 'redemption.undo' then 'undo' when 'report.submit' then 'report' else 'proposal' end as kind,
       coalesce((facts ->> 'verification_id')::uuid, object_id) as id, actor_id
  from audit_event e join account a on a.id = e.actor_id and a.status <> 'erased'
 where e.created_at > now() - interval '7 days' and e.request_id is not null and e.outcome = 'ok'
   and action in ('redemption.place', 'redemption.verify', 'redemption.undo', 'report.submit', 'points.propose_adjustment')""")
MADE = {"D": "redemption", "R": "report"}  # by the first letter of the number
OFFENDING = "select * from unnest(cast(:ids as text[]), cast(:subjects as uuid[])) as found(id, subject)"


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that was done, and by whom."""

    kind: str
    id: UUID
    account_id: UUID


def named(account_id: UUID, status: int, answer: Mapping[str, Any]) -> Effect | None:
    """What an answer says was done; None for answers of other operations, which may tell of the same things."""
    if status == 200 and {"verification_id", "redemption_id"} <= answer.keys():
        return Effect("undo" if "undone_at" in answer else "verification", UUID(answer["verification_id"]), account_id)
    if status != 201 or "id" not in answer:
        return None
    kind = MADE.get(str(answer.get("number", ""))[:1], "proposal" if answer.get("maker_id") == str(account_id) else None)
    return Effect(kind, UUID(answer["id"]), account_id) if kind else None


@dataclass(frozen=True, slots=True)
class Broken:
    """(name of the offending row, account) by the code of the check; `seen`: how many rows there were."""

    seen: Mapping[str, int]
    rows: Mapping[str, list[tuple[str, UUID]]]


class Remembered:
    """Acts are read before answers, answers before what they name: each commits with the other, so nothing new looks broken meanwhile."""

    async def figures(self, connection: AsyncConnection, info: Mapping[str, Any], checks: Sequence[Check]) -> list[Figure]:
        found = await self._compare(connection, info)
        return [Figure(found.seen[check.code], len(found.rows[check.code])) for check in checks]

    async def offending(self, connection: AsyncConnection, info: Mapping[str, Any], check: Check) -> Relation:
        rows = (await self._compare(connection, info)).rows[check.code]
        return OFFENDING, {"ids": [name for name, _ in rows], "subjects": [account_id for _, account_id in rows]}

    async def _compare(self, connection: AsyncConnection, info: Mapping[str, Any]) -> Broken:
        acts = [Effect(*row) for row in (await connection.execute(ACTS)).all()]
        effects: Counter[Effect] = Counter()
        lost: list[tuple[str, UUID]] = []
        async for account_id, row_id, effect in _opened(connection, info):
            if effect is None:
                lost.append((f"answer {row_id}", account_id))
            else:
                effects[effect] += 1
        there = await _there(connection, effects)
        lost += [(f"{one.kind} {one.id}", one.account_id) for one, times in effects.items() if one not in there or times > 1]
        forgotten = [(f"{one.kind} {one.id}", one.account_id) for one in acts if one not in effects]
        return Broken({"I10": effects.total() + len(lost), "I10b": len(acts)}, {"I10": lost, "I10b": forgotten})


async def _opened(connection: AsyncConnection, info: Mapping[str, Any]) -> AsyncIterator[tuple[UUID, UUID, Effect | None]]:
    """(account, row, what its answer names) of the answers that name something; an answer that cannot be opened names None."""
    session = AsyncSession(connection, info=dict(info))  # for the key ring that it carries
    async with connection.stream(ANSWERS, execution_options={"yield_per": AT_ONCE}) as found:
        async for account_id, row_id, *kept in found:
            try:
                answer = idempotency_service.opened(session, row_id, *kept)
            except Unsealable:
                yield account_id, row_id, None
                continue
            told = json.loads(answer.body) if answer.media_type == "application/json" else None
            effect = named(account_id, answer.status, told) if isinstance(told, dict) else None
            if effect is not None:
                yield account_id, row_id, effect


async def _there(connection: AsyncConnection, effects: Mapping[Effect, int]) -> set[Effect]:
    found = set()
    for kind, sql in DONE.items():
        ids = [effect.id for effect in effects if effect.kind == kind]
        rows = await connection.execute(sa.text(sql).bindparams(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))), {"ids": ids})
        found |= {Effect(kind, *row) for row in rows.all()}
    return found


REMEMBERED = Remembered()
CHECKS = (
    Check(
        "I10", "a remembered success names something that its account did, and no other answer names it", "已记住的应答与实际结果不符",
        REMEMBERED, "", "", subject="",
    ),
    Check(
        "I10b", "what was done under a required key in the last week has its remembered answer", "实际结果缺少已记住的应答", REMEMBERED,
        "", "", subject="",
    ),
)
