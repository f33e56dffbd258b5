"""Every change of a report, split by who does it; offered here under one name."""

from app.reports.service.erasure import forget
from app.reports.service.filing import Filing, submit, withdraw
from app.reports.service.handle import extend, resolve, resume, resume_due, send_back, start, suspend
from app.reports.service.joins import join, merge, unmerge
from app.reports.service.review import accept, decide, decide_request, dispatch, reject, verify
from app.reports.service.upkeep import judge_text, note_photo, round_places, tell_overdue
from app.reports.service.verdicts import close_silent, feedback, reopen

__all__ = [
    "Filing", "accept", "close_silent", "decide", "decide_request", "dispatch", "extend", "feedback", "forget", "join", "judge_text",
    "merge", "note_photo", "reject", "reopen", "resolve", "resume", "resume_due", "round_places", "send_back", "start", "submit",
    "suspend", "tell_overdue", "unmerge", "verify", "withdraw",
]
