import pytest

from edgecls.edge_runtime.doctor.board import (
    check_clock,
    check_disk,
    check_heat,
    check_memory,
    check_supply,
    read_flags,
)
from edgecls.edge_runtime.doctor.finding import Level

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


def test_memory_that_is_not_reported_is_unknown(tmp_path):
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


def test_a_clock_that_is_not_set_makes_wrong_times():
    found = check_clock("no")

    assert found.level is Level.WARNING
    assert found.command == "sudo timedatectl set-ntp true"


def test_a_clock_that_is_set_is_fine():
    assert check_clock("yes").level is Level.OK


def test_without_systemd_nothing_is_claimed():
    assert check_clock(None).level is Level.UNKNOWN


FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.mark.parametrize(
    ("flags", "supply", "heat"),
    [
        (0x0, Level.OK, Level.OK),
        (0x1, Level.PROBLEM, Level.OK),
        (0x10000, Level.WARNING, Level.OK),
        (0x4, Level.OK, Level.PROBLEM),
        (0x40000, Level.OK, Level.WARNING),
        (0x50005, Level.PROBLEM, Level.PROBLEM),
    ],
)
def test_the_firmware_reports_the_present_and_what_occurred_since_boot(tmp_path, flags, supply, heat):
    assert check_supply(flags, tmp_path).level is supply
    assert check_heat(flags, tmp_path).level is heat


def test_under_voltage_is_fixed_by_a_better_supply(tmp_path):
    found = check_supply(0x1, tmp_path)

    assert found.what == "under-voltage right now"
    assert "power supply" in found.advice


def test_the_kernels_voltage_alarm_counts_as_well(tmp_path, write):
    write("sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    write("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")

    assert check_supply(None, tmp_path).level is Level.PROBLEM


def test_heat_is_shown_in_degrees(tmp_path, write):
    write("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    write("sys/class/thermal/thermal_zone0/temp", "82300\n")

    found = check_heat(0x4, tmp_path)

    assert found.what == "the processor is throttled at 82 °C"
    assert found.command == "edgecls camera --fps 5"
    assert check_heat(0, tmp_path).level is Level.WARNING


def test_flags_come_from_the_kernel_or_from_the_firmwares_command(tmp_path, write):
    assert read_flags(tmp_path, None) is None
    assert read_flags(tmp_path, "throttled=0x50005") == 0x50005
    assert read_flags(tmp_path, "VCHI initialization failed") is None
    write(FIRMWARE, "40000\n")
    assert read_flags(tmp_path, "throttled=0x0") == 0x40000


def test_where_nothing_watches_nothing_is_claimed(tmp_path):
    assert check_supply(None, tmp_path).level is Level.UNKNOWN
