"""The pure rules of contracts: what state one is in on a day, and who may end it."""

from datetime import date, timedelta
from enum import StrEnum

from app.stores.models_contracts import StoreContract

REMINDED_BEFORE = timedelta(days=30)


class State(StrEnum):
    COMING = "coming"
    IN_FORCE = "in_force"
    OVER = "over"


def last_day(contract: StoreContract) -> date:
    return contract.ended_on or contract.ends_on


def state(contract: StoreContract, today: date) -> State:
    if last_day(contract) < today:
        return State.OVER
    return State.COMING if contract.starts_on > today else State.IN_FORCE


def can_end(contract: StoreContract, today: date) -> bool:
    """Early, and once: what was agreed about the end is not moved about."""
    return contract.ended_on is None and state(contract, today) is not State.OVER
