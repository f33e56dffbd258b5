"""S43, keys rotated under load: the key of 100,000 sealed rows changes while people work."""

import pytest

from tests.rotation.test_under_load import Keyed, changes_under_traffic, keyed

__all__ = ["keyed"]


@pytest.mark.check("S43", part=True)
async def test_the_key_of_100_000_rows_changes_under_traffic(keyed: Keyed, capsys: pytest.CaptureFixture[str]) -> None:
    await changes_under_traffic(keyed, capsys, 16_000, 52_000)
