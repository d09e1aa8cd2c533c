from tests.edge_runtime.conftest import foreign  # noqa: F401 - files that another program wrote
