"""What stands on a certificate; `certificates_pdf` draws it."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Certificate:
    """What stands on the page. `to` is whom it is for, `text` the sentence after it, `verify_url` what the code holds."""

    title: str
    number: str
    to: str
    text: str
    issuer: str
    issued_on: date
    verify_url: str


def told(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
