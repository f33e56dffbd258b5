"""Every change of the ledger, split by what it is for; offered here under one name.

All of them lock the member's balance row first and post through `ledger`. Changes by hand stand in `proposals.py`.
"""

from app.points.service.awarding import Award, award
from app.points.service.confirming import confirm, refuse
from app.points.service.erasure import forget
from app.points.service.lapsing import expire
from app.points.service.levels import begin_month
from app.points.service.moving import credit, take_back
from app.points.service.noting import empty_notes, note
from app.points.service.orders import capture, hold, release, reverse_capture
from app.points.service.reminding import remind, sweep_reminders
from app.points.service.ruling import change_cap, change_rule
from app.points.service.stopping import lift, stop_when_due

__all__ = [
    "Award", "award", "begin_month", "capture", "change_cap", "change_rule", "confirm", "credit", "empty_notes", "expire", "forget",
    "hold", "lift", "note", "refuse", "release", "remind", "reverse_capture", "stop_when_due", "sweep_reminders", "take_back",
]
