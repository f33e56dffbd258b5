"""Every change of a report, split by who does it; offered here under one name."""

from app.reports.service.amending import amend
from app.reports.service.claims import claim, unclaim
from app.reports.service.erasure import forget
from app.reports.service.filing import Filing, submit, withdraw
from app.reports.service.handle import extend, resolve, resume, resume_due, send_back, start, suspend
from app.reports.service.handover import escalate, transfer
from app.reports.service.indexing import Indexed, index_next
from app.reports.service.joins import join, merge, unmerge
from app.reports.service.looks import second_look
from app.reports.service.review import accept, decide, decide_request, dispatch, reject, verify
from app.reports.service.upkeep import decide_text, judge_text, note_photo, tell_left, tell_overdue
from app.reports.service.verdicts import close_silent, feedback, reopen
from app.reports.service.warning import mend, recount, warn

__all__ = [
    "Filing", "Indexed", "accept", "amend", "claim", "close_silent", "decide", "decide_request", "decide_text", "dispatch", "escalate",
    "extend", "feedback", "forget", "index_next", "join", "judge_text", "mend", "merge", "note_photo", "recount", "reject", "reopen",
    "resolve", "resume", "resume_due", "second_look", "send_back", "start", "submit", "suspend", "tell_left", "tell_overdue",
    "transfer", "unclaim", "unmerge", "verify", "warn", "withdraw",
]
