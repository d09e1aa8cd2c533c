"""Pieces of data on a real Ray cluster of two nodes."""

import os
import signal

import numpy as np
import pytest

from .nodes import finished, start, until
from .pieces_driver import COUNT

pytest.importorskip("ray", reason="Ray is not installed: pip install 'edgecls[sweep]'")


@pytest.mark.slow
def test_pieces_are_computed_on_all_machines_and_again_where_a_worker_died(two_nodes, tmp_path):
    driver = start(two_nodes, "pieces_driver.py", tmp_path / "results.npy")
    (first,) = until(lambda: [*two_nodes.notes.glob("piece4.*")], driver)
    os.kill(int(first.suffix[1:]), signal.SIGKILL)  # the Ray worker that computes it
    until(lambda: len([*two_nodes.notes.glob("piece4.*")]) == 2, driver)
    until(lambda: len([*two_nodes.notes.glob("piece*")]) > COUNT, driver)  # the other node did the rest
    (two_nodes.notes / "go").touch()
    said = finished(driver).splitlines()
    assert said[0] == f"piece 5 of {COUNT} lost its worker and was computed again"
    assert said[1] == "most at a time: 5"  # two for each core, and that whose result is taken
    numbers = np.arange(COUNT)[:, np.newaxis]
    assert (np.load(tmp_path / "results.npy") == np.broadcast_to(2 * numbers, (COUNT, 64))).all()
    assert said[2] == "broken: BadData: piece 3: no such thing; think again"
    assert said[3].startswith("deadly: Unavailable: 4 workers of the cluster died on one piece; ")
    assert len(said) == 4
