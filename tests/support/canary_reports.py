"""The rider's reports: what everybody wrote on them, what is noted about them, and the proof of one."""

from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import col

from app.moderation import service as moderation_service
from app.reports.models import Report
from app.reports.words import TextCheck
from tests.support.canaries import Canary, marked_photo
from tests.support.canary_person import MARKER, Story


async def photo(story: Story, data: bytes) -> str:
    """Sends a file; the upload's id."""
    headers = story.rider.headers | {"Idempotency-Key": uuid4().hex}
    story.sent.append(data)
    answer = await story.http.post("/api/v1/uploads", files={"file": (f"{MARKER}.jpg", data, "image/jpeg")}, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def reports(story: Story) -> None:
    """One report closed and reopened, another still open, with words of everybody who had to do with it.

    Both show the very same file, which is noted as a signal.
    """
    rider, worker, file = story.rider, story.staff["worker"], marked_photo(MARKER)
    words = {"description": story.word("description"), "address": story.word("address")}
    filed = await rider.does("POST", "/reports", rider.filing(await photo(story, file), **words), key=story.word("key"))
    path = f"/reports/{filed['id']}"
    reviewer, second = story.staff["reviewer"], story.staff["second reviewer"]
    await story.other.does("POST", f"{path}/join", {})
    for who, command, body in (
        (reviewer, "accept", {"note": story.word("accept note")}), (reviewer, "dispatch", {"assignee_account_id": worker.id}),
        (worker, "start", {}), (worker, "resolve", {"note": "已清运", "upload_ids": [await worker.photo()]}),
        (second, "verify", {"passed": True, "note": story.word("verify note")}),
        (rider, "feedback", {"satisfied": False, "rating": 1, "comment": story.word("feedback comment")}),
        (second, "decide", {"rework": False, "note": story.word("decide note")}),
        (rider, "reopen", {"reason": story.word("reopen reason"), "upload_ids": [await photo(story, marked_photo(MARKER))]}),
    ):
        await who.does("POST", f"{path}/{command}", body)
    await rider.does("POST", "/reports", rider.filing(await photo(story, file), **words))
    story.places["report"] = filed["id"]


async def moderated(story: Story) -> None:
    """WeChat left both descriptions to people; a reviewer has blocked one, in own words."""
    async with story.database.transaction() as session:
        left = sa.update(Report).where(col(Report.member_id) == story.rider_id).values(text_check=TextCheck.REVIEW)
        for report_id in (await session.exec(left.returning(col(Report.id)))).scalars().all():
            await moderation_service.look_at_text(session, report_id=report_id)
    item = (await story.staff["reviewer"].sees("/moderation/items?kind=text&status=waiting"))["items"][0]
    await story.staff["reviewer"].does("POST", f"/moderation/items/{item['id']}/block", {"note": story.word("moderation note")})


async def proves(story: Story) -> None:
    """Takes a proof to an employer, who looks it up by its code."""
    proof = await story.rider.does("GET", f"/reports/{story.places['report']}/proof")
    checked = await story.http.get(f"/api/v1/reports/proofs/{proof['code']}", params={"signature": proof["signature"]})
    assert checked.status_code == 200 and checked.json()["signature_matches"], checked.text
    story.canaries += [Canary("proof code", proof["code"].replace("-", "")), Canary("proof code on paper", proof["code"])]
