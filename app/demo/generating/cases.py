"""One report with everything that its life leaves behind: its row, timeline, clocks, sentences, photos, trail, points."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app import clock
from app.categories import workflow as categories_workflow
from app.db.session import AsyncSession
from app.demo.generating import lives
from app.demo.generating.clocks import Clocks
from app.demo.generating.county import County, Grid, Kind
from app.demo.generating.ledger import Due
from app.demo.generating.lives import ROLES, Life, Step, Who
from app.demo.generating.plan import LANES, Plan, id_at
from app.demo.generating.sheets import Sheets
from app.points.ledger import Reference
from app.reports import eyes, search, texts, workflow
from app.reports.models import Report, ReportEvent, ReportGram, ReportJoin, ReportText
from app.reports.models_clocks import ReportClock
from app.reports.words import ActorRole, RejectReason, Status, TextCheck
from app.reports.workflow import CLOSING_RULE, JOINED_RULE, Command
from app.security import sealing
from app.uploads.models import Checked, Upload

S, C = Status, Command
SOON = timedelta(minutes=1)
EXACT_FOR, AREA_AFTER = timedelta(days=90), timedelta(days=365)  # as retention's rules say
NEIGHBOURS = 12  # so many earlier reports are looked through for one to join
RARE_WORDS, RARE = "，旁边有一只走失的白猫", 30  # stands in so many reports, however many there are


class Writer:
    """Writes the reports of one lane into sheets."""

    def __init__(self, session: AsyncSession, plan: Plan, county: County) -> None:
        self.session, self.plan, self.county = session, plan, county
        self._under = str(sealing.active(session))
        self._numbers: dict[str, int] = {}

    def write(self, sheets: Sheets, report: int) -> list[Due]:
        """Returns what its reporter earns by it."""
        return _Case(self, sheets, report).tell()

    def seal(self, report_id: UUID, column: str, text: str) -> bytes:
        return sealing.seal(self.session, text, table=texts.TABLE, column=column, row=report_id)

    def index(self, sheets: Sheets, report_id: UUID, kept: list[str]) -> None:
        pairs = search.pairs(kept)
        for pair in pairs - self._numbers.keys():
            [self._numbers[pair]] = sealing.blind_numbers(self.session, [pair], purpose=texts.PURPOSE)
        sheets.add(ReportGram, report_id=report_id, grams=sorted(self._numbers[pair] for pair in pairs), made_under=self._under)


class _Case:
    def __init__(self, writer: Writer, sheets: Sheets, report: int) -> None:
        self._writer, self._plan, self._county, self._sheets, self._report = writer, writer.plan, writer.county, sheets, report
        self._chance = self._plan.chance_of(report)
        self._id = id_at(self._plan.filed_at(report), self._chance)
        self._life = lives.life_of(self._plan, report, self._chance)
        self._grid, self._kind = _where(self._county, report), _what(self._county, report)
        self._member_id = self._plan.member_id(self._plan.member_of(report))
        self._number = self._plan.number(report)
        self._clocks = Clocks(self._kind.limits)
        self._status, self._version = S.SUBMITTED, 1
        self._row: dict[str, Any] = {}
        self._dues: list[Due] = []

    def tell(self) -> list[Due]:
        filed_at = self._life.filed_at
        self._submit(filed_at)
        for step in self._life.steps:
            self._give(step)
        self._join(filed_at + 5 * SOON)
        self._file(filed_at)
        return self._dues

    def _submit(self, at: datetime) -> None:
        photo = self._photo(at - SOON, at, "report_before", self._member_id)
        self._clocks.turn(None, S.SUBMITTED, at, None)
        self._log(at, "submit", Who.REPORTER, None, S.SUBMITTED, photos=[photo])
        self._sheets.audit(
            self._chance, at + SOON, None, "report.judge_text", object_kind="report", object_id=self._id, verdict=TextCheck.PASS.value
        )

    def _give(self, step: Step) -> None:
        """One command, with what it sets, writes and pays."""
        step = self._into_another(step)
        by, before, photos = self._actor(step.by), self._status, []
        if step.command is C.RESOLVE:
            photos = [self._photo(step.at - SOON, step.at, "report_after", by)]
        if step.command is C.EXTEND:
            self._clocks.extend(datetime.fromisoformat(step.facts["until"]), step.at, by)
        else:
            self._clocks.turn(before, step.to, step.at, by)
        self._row |= self._sets(step, by)
        self._status, self._version = step.to, self._version + 1
        self._log(step.at, step.command.value, step.by, before, step.to, note=step.note, photos=photos, **step.facts)
        self._pay(step, by)

    def _into_another(self, step: Step) -> Step:
        """Completes what names something. A report that has nothing to be merged into is rejected as known."""
        if step.command is C.ACCEPT:
            step.facts = {"category": self._kind.policy.category_code, "severity": self._kind.policy.severity.value}
        if step.command is C.DISPATCH:
            step.facts = {"assignee_id": str(self._actor(Who.WORKER))}
        if step.command is not C.MERGE:
            return step
        into = self._neighbour(step.at)
        if into is None:
            facts = {"reason_code": RejectReason.ALREADY_KNOWN.value}
            return Step(step.at, C.REJECT, step.by, S.REJECTED, "已有人上报", facts)
        step.facts = {"into_id": str(self._plan.report_id(into.report))}
        self._joins(into, step.at, merged=True)
        return step

    def _sets(self, step: Step, by: UUID | None) -> dict[str, Any]:
        """The columns that a command sets besides the state."""
        row, at = self._row, step.at
        match step.command:
            case C.ACCEPT:
                return {"accepted_at": at, "accepted_rule": categories_workflow.accepted_rule(self._kind.policy.severity)}
            case C.REJECT:
                return {"reject_reason": step.facts["reason_code"]}
            case C.MERGE:
                return {"merged_into": UUID(step.facts["into_id"])}
            case C.DISPATCH:
                return {"assignee_id": self._actor(Who.WORKER), "dispatched_at": at}
            case C.EXTEND:
                return {"extension_count": 1}
            case C.RESOLVE:
                return {"resolver_id": by, "resolved_at": at, "verifier_id": None}
            case C.VERIFY:
                return {"verifier_id": by, "rework_count": row.get("rework_count", 0) + (step.to is S.IN_PROGRESS)}
            case C.FEEDBACK if step.by is Who.REPORTER:
                return {"satisfied": step.facts["satisfied"], "rating": step.facts["rating"]} | self._closes(step)
        return self._closes(step)

    def _closes(self, step: Step) -> dict[str, Any]:
        return {"first_closed_at": step.at} if step.to is S.CLOSED else {}

    def _pay(self, step: Step, by: UUID | None) -> None:
        policy = self._kind.policy
        rule = categories_workflow.accepted_rule(policy.severity)
        if step.command is C.ACCEPT:
            own = categories_workflow.own_points(policy, policy.severity)
            self._due(step.at, rule, by, own)
        if step.to is S.CLOSED and rule == "REPORT_ACCEPTED":
            self._due(step.at, CLOSING_RULE, by)

    def _due(self, at: datetime, code: str, by: UUID | None, points: int | None = None) -> None:
        rule = self._county.rules[code]
        filed_on = clock.local_day(self._life.filed_at)
        source = Reference("report", self._id, self._number)
        self._dues.append(Due(at, rule, source, filed_on, self._grid.path, by, points))

    def _join(self, at: datetime) -> None:
        """Now and then the reporter joins another's report too."""
        into = self._neighbour(at) if self._life.joins and at <= self._plan.until else None
        if into is not None and self._status is not S.MERGED:
            self._joins(into, at, merged=False)

    def _neighbour(self, at: datetime) -> Life | None:
        """An earlier report of another member of this lane that is open then."""
        first = self._report - self._plan.member_of(self._report)
        for report in range(self._report - LANES, max(first, self._report - LANES * NEIGHBOURS) - 1, -LANES):
            life = lives.life_of(self._plan, report)
            if life.takes(at):
                return life
        return None

    def _joins(self, into: Life, at: datetime, *, merged: bool) -> None:
        """The reporter becomes one of the other's reporters; the points come with its acceptance, or at once."""
        other, grid = self._plan.report_id(into.report), _where(self._county, into.report)
        state = next((step.to for step in reversed(into.steps) if step.at <= at), S.SUBMITTED)
        by = grid.staff[Who.REVIEWER] if merged else self._member_id
        joined_at = self._life.filed_at if merged else at
        self._sheets.write(
            ReportJoin, self._chance, joined_at, id=id_at(at, self._chance), report_id=other, member_id=self._member_id,
            merged_from=self._id if merged else None,
        )
        facts = {"report_id": str(self._id)} if merged else {}
        self._event(at, other, grid, "join", ActorRole.REVIEWER if merged else ActorRole.JOINED_REPORTER, by, state, state, None, [], facts)
        accepted = into.reached(S.ACCEPTED)
        if accepted is not None:
            rule, source = self._county.rules[JOINED_RULE], Reference("report", other, self._plan.number(into.report))
            payer = by if accepted < at else grid.staff[Who.REVIEWER]
            self._dues.append(Due(max(accepted, at), rule, source, clock.local_day(joined_at), grid.path, payer))

    def _file(self, at: datetime) -> None:
        """The report's row as all this left it, with its clocks, its sentences and what they are found by."""
        told = self._clocks.settle(self._plan.until)
        running, policy = self._clocks.running, self._kind.policy
        ended = self._life.steps[-1].at if self._status in workflow.FINAL else None
        sentences = {"description": self._description(), "address": self._grid.community}
        place, addressed = self._place(ended)
        if not addressed:
            del sentences["address"]
        self._sheets.write(
            Report, self._chance, at, id=self._id, number=self._number, member_id=self._member_id, status=self._status,
            version=self._version, category_code=policy.category_code, category_version=policy.version, severity=policy.severity,
            text_check=TextCheck.PASS, community_id=self._grid.community_id, grid_id=self._grid.id, area_path=self._grid.path,
            due_stage=running["stage"] if running else None, due_at=running["due_at"] if running else None, overdue_told_at=told,
            paused_at=self._clocks.paused_at, late=self._clocks.late, ended_at=ended, originals_dropped_at=ended, photos_dropped_at=ended,
            **{f"{column}_sealed": self._writer.seal(self._id, column, text) for column, text in sentences.items()}, **place, **self._row,
        )
        self._writer.index(self._sheets, self._id, list(sentences.values()))
        for run in self._clocks.runs:
            self._sheets.write(ReportClock, self._chance, run["started_at"], report_id=self._id, **run)

    def _place(self, ended: datetime | None) -> tuple[dict[str, Any], bool]:
        """Where it is, made coarse when it ended long ago; whether the address is still kept."""
        lng, lat = self._grid.somewhere(random.Random(self._report))
        if ended is not None and ended + EXACT_FOR < self._plan.until:
            digits = eyes.ROUND_DIGITS
            return {"lng": round(lng, digits), "lat": round(lat, digits), "place_rounded_at": ended + EXACT_FOR}, False
        return {"lng": lng, "lat": lat, "accuracy_m": 15.0, "source_lng": lng, "source_lat": lat, "source_crs": "gcj02"}, True

    def _description(self) -> str:
        every = max(1, self._plan.reports // RARE)
        rare = RARE_WORDS if self._report % every == every // 2 else ""
        return f"{self._grid.community}{self._report % 900 + 100}号附近，{self._kind.words}{rare}"

    def _actor(self, by: Who) -> UUID | None:
        return self._member_id if by is Who.REPORTER else self._grid.staff.get(by)

    def _photo(self, at: datetime, attached_at: datetime, kind: str, by: UUID | None) -> UUID:
        """A photo whose objects retention has erased: there are none."""
        made = self._sheets.write(
            Upload, self._chance, at, member_id=by, content_type="image/jpeg", width=1200, height=1600, size_bytes=180_000, kind=kind,
            owner_id=self._id, position=0, attached_at=attached_at, checked=Checked.PASS, checked_at=attached_at, erased_at=attached_at,
        )
        self._sheets.audit(self._chance, at, by, "upload.create", object_kind="upload", object_id=made, size_bytes=180_000)
        return made

    def _log(
        self, at: datetime, command: str, by: Who, before: Status | None, to: Status, *, note: str | None = None,
        photos: list[UUID] | None = None, **facts: Any,
    ) -> None:
        self._event(at, self._id, self._grid, command, ROLES[by], self._actor(by), before, to, note, photos or [], facts)

    def _event(
        self, at: datetime, report_id: UUID, grid: Grid, command: str, role: ActorRole, by: UUID | None, before: Status | None, to: Status,
        note: str | None, photos: list[UUID], facts: dict[str, Any],
    ) -> None:
        note_id = self._sheets.write(ReportText, self._chance, at, report_id=report_id, author_id=by, text=note) if note else None
        self._sheets.write(
            ReportEvent, self._chance, at, report_id=report_id, command=command, actor_role=role, actor_id=by, from_status=before,
            to_status=to, note_id=note_id, upload_ids=photos, facts=facts,
        )
        self._sheets.audit(
            self._chance, at, by, f"report.{command.replace('-', '_')}", object_kind="report", object_id=report_id, area_path=grid.path,
            from_status=before.value if before else None, to_status=to.value, **facts,
        )


def _where(county: County, report: int) -> Grid:
    return county.grids[random.Random(report << 1).randrange(len(county.grids))]


def _what(county: County, report: int) -> Kind:
    return county.kinds[random.Random(report << 1 | 1).randrange(len(county.kinds))]


def written(plan: Plan, lane: int, size: int) -> Iterator[list[int]]:
    """The reports of a lane in batches."""
    batch: list[int] = []
    for report in plan.reports_of(lane):
        batch.append(report)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
