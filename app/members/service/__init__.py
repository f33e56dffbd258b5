"""Every change of a profile, a consent or a work relation, by use case."""

from app.members.service.consents import give_consent, lapse, publish_text
from app.members.service.profile import bind_phone, edit, ensure, forget, locked, set_profile
from app.members.service.risk import CONTENT, address_in, ask_risk
from app.members.service.work import begin_work, end_work, set_employers

__all__ = [
    "CONTENT", "address_in", "ask_risk", "begin_work", "bind_phone", "edit", "end_work", "ensure", "forget", "give_consent", "lapse",
    "locked", "publish_text", "set_employers", "set_profile",
]
