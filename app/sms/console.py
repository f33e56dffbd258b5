"""Where nobody sends: development says that it would have, and a production without a provider that it cannot."""

from collections.abc import Sequence

from app.db.base import new_id
from app.observability import get_logger
from app.sms.models import SmsTemplate
from app.sms.port import SmsRefused, masked

log = get_logger(__name__)


class ConsoleSms:
    """Writes a line with the masked number and without the parameters: a code in a log would be a code for whoever reads it."""

    async def send(self, phone: str, template: SmsTemplate, params: Sequence[str]) -> str:
        log.info("sms.console", to=masked(phone), template=template.value, params=len(params))
        return new_id().hex

    async def aclose(self) -> None:
        """Holds nothing."""


class NoSms:
    """Refuses."""

    async def send(self, phone: str, template: SmsTemplate, params: Sequence[str]) -> str:
        raise SmsRefused("off")

    async def aclose(self) -> None:
        """Holds nothing."""
