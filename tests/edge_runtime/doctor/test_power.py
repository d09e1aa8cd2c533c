import pytest
from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.power import check_heat, check_supply, read_flags

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
def test_the_firmware_tells_what_holds_and_what_has_held(tmp_path, flags, supply, heat):
    assert check_supply(flags, tmp_path).level is supply
    assert check_heat(flags, tmp_path).level is heat


def test_under_voltage_is_mended_by_a_better_supply(tmp_path):
    found = check_supply(0x1, tmp_path)

    assert found.what == "under-voltage right now"
    assert "power supply" in found.advice


def test_the_kernels_voltage_alarm_counts_as_well(tmp_path, write):
    write("sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    write("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")

    assert check_supply(None, tmp_path).level is Level.PROBLEM


def test_heat_is_told_in_degrees(tmp_path, write):
    write("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    write("sys/class/thermal/thermal_zone0/temp", "82300\n")

    found = check_heat(0x4, tmp_path)

    assert found.what == "the processor's clock is held down at 82 °C"
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
