"""One request's unit of work: its sessions, its caller, the key it claims; committed or refused before the answer is sent."""

from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db import acting
from app.db.acting import Acting
from app.db.session import AsyncSession, Database, exclusive_name
from app.db.standby import Standby
from app.errors import MEDIA_TYPE, AppError, Conflict, Forbidden, IdempotencyKeyReused, RequestInProgress, Unauthenticated
from app.idempotency import service as idempotency_service
from app.idempotency.service import Answer
from app.observability import get_logger
from app.problems import problem_response

log = get_logger(__name__)


@dataclass(slots=True)
class Claim:
    """The Idempotency-Key of this request and what it must match."""

    key: str
    fingerprint: bytes


class Work:
    """Sessions are opened when first asked for. The write session begins its transaction at its first statement."""

    def __init__(self, request: Request, database: Database, stranger: Acting = acting.NOBODY) -> None:
        """`stranger`: for whom the work acts while there is no caller."""
        self.request = request
        self.acting = stranger
        self.database = database
        self.principal: Principal | None = None
        self.claim: Claim | None = None
        self._session: AsyncSession | None = None
        self._reader: AsyncSession | None = None

    @property
    def request_id(self) -> str:
        return str(self.request.scope.get("state", {}).get("request_id", ""))

    @property
    def session(self) -> AsyncSession:
        if self._session is None:
            self._session = self.database.session(**self._context())
        return self._session

    @property
    def reader(self) -> AsyncSession:
        if self._reader is None:
            self._reader = self.database.reader()
        self._reader.info.update(self._facts())  # asked for again once the caller is known
        return self._reader

    @property
    def reader_of_caller(self) -> AsyncSession:
        """The reader for the one statement that finds out who the caller is, and says it to row security."""
        reader = self.reader
        reader.info[acting.INFO] = acting.LATER
        return reader

    @property
    def caller(self) -> Principal:
        """Raises Unauthenticated when there is none."""
        if self.principal is None:
            raise Unauthenticated
        return self.principal

    async def turn_to_session(self) -> AsyncSession:
        """The write session, for a GET: a request that held two connections could wait for itself in a full pool."""
        await self.release_reader()
        return self.session

    async def turn_to_standby(self) -> AsyncSession:
        """The reader, from here on of the standby, if there is one that is close behind."""
        standby: Standby | None = self.request.app.state.standby
        if standby is not None and standby.fresh:
            await self.release_reader()
            self._reader = standby.database.reader()
        return self.reader

    async def release_reader(self) -> None:
        """Gives the connection back, so that a slow body or a call to WeChat holds none."""
        if self._reader is not None:
            await self._reader.close()
            self._reader = None

    async def finish(self, response: Response) -> Response:
        """Writes the answer under its key, then commits. When the key has got an answer meanwhile, that answer wins.

        Raises Conflict when a constraint refuses the whole, which no rule had foreseen.
        """
        try:
            if self.claim and not await self._remember(self.session, response):
                await self.session.rollback()
                return await self._replay_winner()
            if self._session is not None:
                await self._session.commit()
        except IntegrityError as error:
            log.warning("unit_of_work.constraint", constraint=_constraint_of(error))
            return await self.refuse(Conflict())
        return response

    async def refuse(self, refusal: AppError) -> Response:
        """Undoes the work; then, in a short transaction of its own, keeps what must outlive it: answer, guess counters, audit of a denial.

        A step that raises a refusal itself has the last word: a guess is judged and counted under one lock, so a burst cannot slip through.
        """
        if self._session is not None:
            await self._session.rollback()
        response = problem_response(refusal, self.request_id)
        keep = self.claim is not None and refusal.remembered
        if not (keep or refusal.aftermath or isinstance(refusal, Forbidden)):
            return response
        session = self.session
        if keep and not await self._remember(session, response):
            await session.rollback()
            return await self._replay_winner()
        try:
            for step in refusal.aftermath:
                await step(session)
        except AppError as instead:
            await session.rollback()
            return problem_response(instead, self.request_id)
        if isinstance(refusal, Forbidden):
            self._record_denial(session, refusal)
        await session.commit()
        return response

    async def close(self) -> None:
        for session in (self._session, self._reader):
            if session is not None:
                await session.close()

    def _context(self) -> dict[str, object]:
        """What the write session carries: the facts, and the name of the lock that it takes when it begins."""
        who = self.principal
        exclusive = exclusive_name(who.account_id, self.claim.key) if who and self.claim else None
        return {**self._facts(), "exclusive": exclusive}

    def _facts(self) -> dict[str, object]:
        who, client = self.principal, self.request.client
        actor = {"kind": who.kind.value, "id": who.account_id, "session_id": who.session_id} if who else {}
        return {
            "actor": actor, "request_id": self.request_id, "address": client.host if client else None,
            "idempotency_key": self.claim.key if self.claim else None, acting.INFO: self.acting,
        }

    async def _remember(self, session: AsyncSession, response: Response) -> bool:
        assert self.claim is not None and self.principal is not None
        answer = Answer(self.claim.fingerprint, response.status_code, response.media_type or MEDIA_TYPE, bytes(response.body))
        return await idempotency_service.remember(session, account_id=self.principal.account_id, key=self.claim.key, answer=answer)

    async def _replay_winner(self) -> Response:
        assert self.claim is not None and self.principal is not None
        answer = await idempotency_service.find(self.reader, account_id=self.principal.account_id, key=self.claim.key)
        if answer is None:
            raise RequestInProgress
        return replay(answer, self.claim.fingerprint, self.request_id)

    def _record_denial(self, session: AsyncSession, refusal: AppError) -> None:
        route = self.request.scope.get("route")
        audit_service.record(
            session, f"denied.{getattr(route, 'name', 'request')}"[:64], object_kind="route", object_id=None, outcome="denied",
            reason=refusal.code,
        )


def replay(answer: Answer, fingerprint: bytes, request_id: str) -> Response:
    """The first answer again, byte for byte; another request under the same key is told so."""
    if answer.fingerprint != fingerprint:
        return problem_response(IdempotencyKeyReused(), request_id)
    return Response(answer.body, answer.status, {"Idempotency-Replayed": "true"}, media_type=answer.media_type)


def _constraint_of(error: IntegrityError) -> str:
    cause = getattr(error.orig, "__cause__", None)
    return str(getattr(cause, "constraint_name", "unknown"))
