"""S21, what nobody may learn of a Party member: every call with each of its parameters, also by those who are refused without them."""

from typing import Any

import pytest

from tests.journeys.test_canaries_routes import World, nobody_learns, world

__all__ = ["world"]


@pytest.mark.check("S21", part=True)
async def test_nobody_else_learns_however_they_ask(world: World, document: dict[str, Any]) -> None:
    await nobody_learns(world, document, insisting=True)
