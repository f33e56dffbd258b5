"""What sends an SMS, whoever provides it; and the three ways in which it does not."""

from collections.abc import Sequence
from typing import Protocol

from app.sms.models import SmsTemplate


class SmsUnavailable(ConnectionError):
    """Not taken, for now: the same SMS is tried again."""


class SmsSilent(SmsUnavailable):
    """It went out and nothing came back that says what became of it: it may arrive."""


class SmsRefused(Exception):
    """Never: `reason` is the provider's code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SmsSender(Protocol):
    """One SMS to eleven digits of the mainland; returns the provider's number of it. Bounded in time: ten seconds."""

    async def send(self, phone: str, template: SmsTemplate, params: Sequence[str]) -> str:
        """Raises SmsUnavailable, SmsSilent, SmsRefused."""
        ...

    async def aclose(self) -> None: ...


def masked(phone: str) -> str:
    return f"{phone[:3]}****{phone[-4:]}"
