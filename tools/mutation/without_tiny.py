"""Plugin of pytest for a mutation run: leaves out the tests that need a training, which takes a minute."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Drops them."""
    items[:] = [item for item in items if "tiny" not in getattr(item, "fixturenames", ())]
