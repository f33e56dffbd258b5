"""The shop of the redemption tests, with an administrator of it."""

from tests.redemptions.conftest import shop

__all__ = ["shop"]
