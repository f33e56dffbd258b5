"""Every change of a settlement, split by what it is for; offered here under one name.

Lock order: the settlement, then the store, then its corrections by id. Closing locks the store first instead: there is no settlement yet,
and an undo that shares the store's row must be over before the lines are written.
"""

from app.redemptions.settling.closing import close
from app.redemptions.settling.correcting import approve_correction, propose_correction, reject_correction
from app.redemptions.settling.deciding import answer, confirm, confirm_by_silence, dispute
from app.redemptions.settling.paying import pay, record_download
from app.redemptions.settling.steps import standing

__all__ = [
    "answer", "approve_correction", "close", "confirm", "confirm_by_silence", "dispute", "pay", "propose_correction", "record_download",
    "reject_correction", "standing",
]
