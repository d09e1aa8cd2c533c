from collections.abc import Iterator
from typing import Any

import pytest

from .nodes import TwoNodes


@pytest.fixture(scope="session")
def started_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoNodes]:
    from ray.cluster_utils import Cluster

    notes = tmp_path_factory.mktemp("notes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAND_IN_NOTES", str(notes))  # the nodes, and so their workers, inherit it
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")  # no token of this user shall decide what happens
        small: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
        cluster = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
        try:
            cluster.add_node(**small)
            yield TwoNodes(cluster.address, notes)
        finally:
            cluster.shutdown()


@pytest.fixture
def two_nodes(started_nodes: TwoNodes) -> TwoNodes:
    """The cluster without notes."""
    for note in started_nodes.notes.iterdir():
        note.unlink()
    return started_nodes
