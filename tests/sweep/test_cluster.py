"""Sweeps on a real Ray cluster of two nodes. Only the trainings are stand-ins."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from edgecls.edge_runtime.errors import BadConfiguration, Unavailable
from edgecls.sweep.grid import GridPoint
from edgecls.sweep.trial import Job, kept_files, read_trial, run_job

from .nodes import HERE, LIMIT_S, finished, start, until

pytest.importorskip("ray", reason="Ray is not installed: pip install 'edgecls[sweep]'")


@pytest.mark.slow
def test_nodes_share_the_work_and_a_killed_workers_trial_runs_again(two_nodes, tmp_path):
    archs = ("patient", "patient2", "cnn", "broken")
    driver = start(two_nodes, "driver.py", tmp_path / "sweep", ",".join(archs))
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
    driver = start(two_nodes, "driver.py", tmp_path / "sweep", "cnn,patient")
    until((tmp_path / "sweep" / "trials" / "cnn-32px-seed0").exists, driver)
    (note,) = until(lambda: two_nodes.notes_of("patient"), driver)
    training = os.pidfd_open(int(note.suffix[1:]))
    driver.kill()
    driver.communicate()
    assert select.select([training], [], [], LIMIT_S)[0], "the training outlived its sweep"
    os.close(training)
    (two_nodes.notes / "go").touch()
    said = finished(start(two_nodes, "driver.py", tmp_path / "sweep", "cnn,patient", "resume"))
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


def test_rays_token_is_readable_for_this_user_alone(monkeypatch, tmp_path):
    from edgecls.sweep.cluster import make_token_private

    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    token = tmp_path / ".ray" / "auth_token"
    make_token_private(creates=False)
    assert not token.exists()
    make_token_private(creates=True)
    made = token.read_text()
    assert len(made) == 64
    assert token.stat().st_mode & 0o777 == 0o600
    token.chmod(0o644)
    for creates in (False, True):
        make_token_private(creates=creates)
        assert token.stat().st_mode & 0o777 == 0o600
        assert token.read_text() == made


def family_of(pid: int) -> list[int]:
    """A process and all that it started."""
    with suppress(OSError):
        children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
        return [pid, *(member for child in children for member in family_of(int(child)))]
    return [pid]


def listening(pids: list[int]) -> dict[str, str]:
    """Where these processes listen: address and port, as the kernel writes them."""
    owners: dict[str, int] = {}
    for pid in pids:
        with suppress(OSError):
            for file in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    owners[str(file.readlink())] = pid
    found: dict[str, str] = {}
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{family}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in owners:
                found[local] = Path(f"/proc/{owners[f'socket:[{inode}]']}/cmdline").read_text()
    return found


LISTENS = """
import json, os
from edgecls.sweep.cluster import connected, ray
from tests.sweep.test_cluster import family_of, listening
with connected(None):
    ray.get(ray.remote(lambda: None).remote())
    print(json.dumps(listening(family_of(os.getpid()))))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_ray_on_this_machine_alone_listens_on_loopback_alone():
    """In a process of its own, as a command is: Ray remembers the address of a cluster that it was in."""
    program = [sys.executable, "-c", LISTENS]
    done = subprocess.run(
        program, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300, check=True
    )
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    assert len(found) >= 4  # the server, the raylet, that process, a worker
    loopback = ("0100007F:", "0000000000000000FFFF00000100007F:", "00000000000000000000000001000000:")
    assert not [(address, program) for address, program in found.items() if not address.startswith(loopback)]
