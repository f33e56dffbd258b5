"""Every change of an order but those at the till (`till.py`, `undoing.py`), split by what it is for; offered here under one name."""

from app.redemptions.service.coding import code_indexes, code_of
from app.redemptions.service.ending import cancel, cancel_live, confirm, expire, forget
from app.redemptions.service.placing import Placed, place

__all__ = ["Placed", "cancel", "cancel_live", "code_indexes", "code_of", "confirm", "expire", "forget", "place"]
