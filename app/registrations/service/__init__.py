"""Every change of a registration, split by who makes it; other features call what is offered here."""

from app.registrations.service.decide import approve, reject, send_back, transfer
from app.registrations.service.ending import close_party, forget, withdraw
from app.registrations.service.follow import name_contact_person, note_contact, set_card
from app.registrations.service.register import aim, edit, register

__all__ = [
    "aim", "approve", "close_party", "edit", "forget", "name_contact_person", "note_contact", "register", "reject", "send_back",
    "set_card", "transfer", "withdraw",
]
