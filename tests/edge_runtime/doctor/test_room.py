from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.room import check_disk, check_memory

DEFAULT_TARGET = "etc/systemd/system/default.target"


def test_enough_memory_is_fine(tmp_path, write):
    write("proc/meminfo", "MemTotal: 440000 kB\nMemAvailable: 300000 kB\n")

    assert check_memory(tmp_path).level is Level.OK


def test_too_little_memory_asks_who_takes_it(tmp_path, write):
    write("proc/meminfo", "MemTotal: 440000 kB\nMemFree: 9000 kB\nMemAvailable: 88000 kB\n")

    found = check_memory(tmp_path)

    assert (found.level, found.what) == (Level.PROBLEM, "90 MB free; `edgecls camera` needs 128")
    assert found.command.startswith("ps ")


def test_a_desktop_on_a_small_board_is_what_takes_it(tmp_path, write):
    write("proc/meminfo", "MemAvailable: 88000 kB\n")
    target = write(DEFAULT_TARGET, "")
    target.unlink()
    target.symlink_to("/lib/systemd/system/graphical.target")

    assert check_memory(tmp_path).command == "sudo systemctl set-default multi-user.target && sudo reboot"


def test_memory_that_is_not_told_is_not_guessed(tmp_path):
    assert check_memory(tmp_path).level is Level.UNKNOWN


def test_a_small_disk_is_too_full(small_disk):
    found = check_disk(small_disk)

    assert found.level is Level.PROBLEM
    assert "MB free in " in found.what
    assert found.command == "sudo apt clean && sudo journalctl --vacuum-size=50M"


def test_a_disk_that_was_mounted_read_only_may_be_a_card_that_fails(tmp_path, read_only):
    found = check_disk(read_only(tmp_path))

    assert found.level is Level.PROBLEM
    assert "read-only" in found.what
    assert found.command == "sudo mount -o remount,rw /"
