"""A real Ray cluster of two nodes on loopback, with a core each. Only the trainings are stand-ins."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgecls.edge_runtime.errors import BadConfiguration, Unavailable
from edgecls.sweep.grid import GridPoint
from edgecls.sweep.trial import Job, kept_files, read_trial, run_job

pytest.importorskip("ray", reason="Ray is not installed: pip install 'edgecls[sweep]'")

HERE = Path(__file__).parent
LIMIT_S = 120


@dataclass(frozen=True)
class TwoNodes:
    """The cluster, and where its trainings leave notes."""

    address: str
    notes: Path

    def notes_of(self, arch: str) -> list[Path]:
        return list(self.notes.glob(f"{arch}-*.[0-9]*"))


@pytest.fixture(scope="module")
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


def start(two_nodes: TwoNodes, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The cluster was started in another folder than this, as a team's is."""
    command = [sys.executable, str(HERE / "driver.py"), two_nodes.address, folder.name, *arguments]
    return subprocess.Popen(
        command, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finished(driver: subprocess.Popen[str]) -> str:
    said, _ = driver.communicate(timeout=LIMIT_S)
    assert driver.returncode == 0, said
    return said


def until(there: Callable[[], Any], driver: subprocess.Popen[str]) -> Any:
    end_s = time.monotonic() + LIMIT_S
    while not (found := there()):
        assert driver.poll() is None, driver.communicate()[0]
        assert time.monotonic() < end_s
        time.sleep(0.02)
    return found


@pytest.mark.slow
def test_nodes_share_the_work_and_a_killed_workers_trial_runs_again(two_nodes, tmp_path):
    archs = ("patient", "patient2", "cnn", "broken")
    driver = start(two_nodes, tmp_path / "sweep", ",".join(archs))
    until(lambda: len(two_nodes.notes_of("patient*")) == 2, driver)  # one core each: they are on both nodes
    (first,) = two_nodes.notes_of("patient")
    os.kill(int(first.read_text()), signal.SIGKILL)  # the Ray worker that started it
    until(lambda: len(two_nodes.notes_of("patient")) == 2, driver)
    (two_nodes.notes / "go").touch()
    said = finished(driver)
    assert "patient-32px-seed0 lost its worker; running it again" in said
    assert "failed: broken-32px-seed0 digits: no such thing; think again 65" in said
    assert len(two_nodes.notes_of("broken")) == 1, "an error that would come again was tried again"
    for arch in archs[:3]:
        alone = tmp_path / "alone" / arch
        job = Job(GridPoint(arch, 32, 0), "digits", 3, program=(str(HERE / "stand_in.py"),))
        record = run_job(job, alone, "alone")
        there = tmp_path / "sweep" / "trials" / job.point.name
        assert read_trial(there).files == record.files
        for file in kept_files(job, alone):
            if file.suffix != ".log":
                assert (there / file).read_bytes() == (alone / file).read_bytes()


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_with_what_is_not_finished(two_nodes, tmp_path):
    driver = start(two_nodes, tmp_path / "sweep", "cnn,patient")
    until((tmp_path / "sweep" / "trials" / "cnn-32px-seed0").exists, driver)
    (note,) = until(lambda: two_nodes.notes_of("patient"), driver)
    training = os.pidfd_open(int(note.suffix[1:]))
    driver.kill()
    driver.communicate()
    assert select.select([training], [], [], LIMIT_S)[0], "the training outlived its sweep"
    os.close(training)
    (two_nodes.notes / "go").touch()
    said = finished(start(two_nodes, tmp_path / "sweep", "cnn,patient", "resume"))
    assert said.startswith("2 trainings, 1 already finished\n")
    assert len(two_nodes.notes_of("cnn")) == 1
    assert sorted(path.name for path in (tmp_path / "sweep" / "trials").iterdir()) == [
        "cnn-32px-seed0",
        "patient-32px-seed0",
    ]


def test_an_address_where_nothing_answers_is_told_at_once():
    from edgecls.sweep.cluster import connected

    with pytest.raises(Unavailable, match="no Ray cluster answers there"), connected("127.0.0.1:1"):
        pass


@pytest.mark.parametrize("address", ["here", "here:there"])
def test_an_address_has_a_host_and_a_port(address):
    from edgecls.sweep.cluster import connected

    with pytest.raises(BadConfiguration, match="not HOST:PORT"), connected(address):
        pass
