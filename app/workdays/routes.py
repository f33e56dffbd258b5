"""`/workdays`: the calendar that deadlines are counted by."""

from app.auth import routing
from app.auth.routing import ReadSession, Session, SignedIn
from app.schemas import Day
from app.workdays import queries, service
from app.workdays.schemas import DayIn, DayOut, Days, Span

router = routing.router("/workdays", tag="工作日历")


@router.get("", summary="工作日历")
async def days(principal: SignedIn, session: ReadSession, asked: Span) -> Days:
    return Days(items=[DayOut.model_validate(row) for row in await queries.days(session, first=asked[0], last=asked[1])])


@router.put("/{day}", summary="按通知修改某一天")
async def put_day(day: Day, body: DayIn, principal: SignedIn, session: Session) -> DayOut:
    return DayOut.model_validate(await service.put_day(session, principal=principal, day=day, workday=body.workday, note=body.note))
