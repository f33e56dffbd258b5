"""Every change of a store and around it, split by what it is for. What other features need is offered here under one name."""

from app.stores.service.applying import forget
from app.stores.service.keeping import add_staff, create, remove_staff, update

__all__ = ["add_staff", "create", "forget", "remove_staff", "update"]
