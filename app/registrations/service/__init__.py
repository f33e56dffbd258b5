"""Every change of a registration, split by who makes it; other features call what is offered here."""

from app.registrations.service.decide import approve, note_contact, reject, send_back, transfer
from app.registrations.service.ending import close_party, forget, withdraw
from app.registrations.service.register import aim, edit, register

__all__ = [
    "aim", "approve", "close_party", "edit", "forget", "note_contact", "register", "reject", "send_back", "transfer", "withdraw",
]
