"""What only the night runs is loaded by day, so that no change of what it imports stays unseen until then."""

from importlib import import_module

import pytest

from tests.trust.plugin import NIGHTLY

FILES = sorted(path.stem for path in NIGHTLY.glob("test_*.py"))


@pytest.mark.parametrize("name", FILES)
def test_a_nightly_file_loads(name: str) -> None:
    assert any(thing.startswith("test_") for thing in vars(import_module(f"tests.trust.nightly.{name}")))
