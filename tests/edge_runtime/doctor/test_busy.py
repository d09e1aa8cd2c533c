import pytest
from edgecls.edge_runtime.doctor.busy import buffers_are_taken, check_busy
from edgecls.edge_runtime.doctor.finding import Level


@pytest.fixture
def held_by(video, write, tmp_path):
    """Lets a process have /dev/video0 open."""
    device = video(0, "webcam")

    def hold(pid: int, name: str, group: str = "0::/user.slice/user-1000.slice/session-1.scope") -> None:
        write(f"proc/{pid}/comm", f"{name}\n")
        write(f"proc/{pid}/cgroup", f"{group}\n")
        (tmp_path / f"proc/{pid}/fd").mkdir()
        (tmp_path / f"proc/{pid}/fd/7").symlink_to(device)

    return hold


def test_a_camera_that_nobody_has_is_free(video, tmp_path):
    video(0, "webcam")

    assert check_busy("/dev/video0", tmp_path).level is Level.OK


def test_who_has_the_camera_is_named(held_by, tmp_path):
    held_by(412, "motion")

    found = check_busy("/dev/video0", tmp_path)

    assert (found.level, found.what) == (Level.PROBLEM, "/dev/video0 is in use by motion, pid 412")
    assert found.command == "kill 412"


def test_a_service_is_stopped_as_it_would_come_back(held_by, tmp_path):
    held_by(412, "motion", "0::/system.slice/motion.service")

    assert check_busy("/dev/video0", tmp_path).command == "sudo systemctl stop motion.service"


def test_what_cron_began_is_no_reason_to_stop_cron(held_by, tmp_path):
    held_by(412, "python3", "0::/system.slice/cron.service")

    assert check_busy("/dev/video0", tmp_path).command == "kill 412"


def test_a_desktop_that_has_every_camera_open_does_not_take_it(held_by, tmp_path):
    held_by(700, "wireplumber")

    assert check_busy("/dev/video0", tmp_path).level is Level.OK
    assert check_busy("/dev/video0", tmp_path, lambda _: False).level is Level.OK


def test_who_takes_pictures_is_named_and_not_who_only_watches(held_by, tmp_path):
    held_by(700, "wireplumber")
    held_by(801, "ffmpeg")

    found = check_busy("/dev/video0", tmp_path, lambda _: True)

    assert found.what == "/dev/video0 is in use by ffmpeg, pid 801"


def test_a_process_of_another_user_is_not_seen_but_the_camera_says_that_it_is_taken(video, tmp_path):
    video(0, "webcam")

    found = check_busy("/dev/video0", tmp_path, lambda _: True)

    assert (found.level, found.command) == (Level.PROBLEM, "sudo fuser -v /dev/video0")


def test_what_is_no_camera_does_not_say(tmp_path):
    (tmp_path / "file").touch()

    assert buffers_are_taken(tmp_path / "file") is None
    assert buffers_are_taken(tmp_path / "nothing") is None
