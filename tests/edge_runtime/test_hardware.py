"""On a made-up /sys, as different machines have it."""

from pathlib import Path

import pytest

from edgecls.edge_runtime.hardware import is_throttled, temperature_c

PI_4 = "sys/devices/platform/soc/soc:firmware/get_throttled"
PI_5 = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def zone(root: Path, number: int, kind: str, temp: str) -> None:
    write(root, f"sys/class/thermal/thermal_zone{number}/type", f"{kind}\n")
    write(root, f"sys/class/thermal/thermal_zone{number}/temp", f"{temp}\n")


def cooling(root: Path, kind: str, state: int) -> None:
    write(root, "sys/class/thermal/cooling_device0/type", f"{kind}\n")
    write(root, "sys/class/thermal/cooling_device0/cur_state", f"{state}\n")


def test_a_raspberry_pi_has_one_sensor(tmp_path: Path):
    zone(tmp_path, 0, "cpu-thermal", "48686")
    assert temperature_c(tmp_path) == pytest.approx(48.686)


def test_the_hottest_sensor_of_the_processor_counts(tmp_path: Path):
    zone(tmp_path, 0, "CPU-therm", "61000")
    zone(tmp_path, 1, "soc-thermal", "63500")
    zone(tmp_path, 2, "iwlwifi_1", "99000")
    zone(tmp_path, 3, "battery", "91000")
    assert temperature_c(tmp_path) == pytest.approx(63.5)


def test_a_sensor_that_cannot_be_read_is_left_out(tmp_path: Path):
    zone(tmp_path, 0, "cpu-thermal", "50000")
    zone(tmp_path, 1, "cpu-thermal", "")
    (tmp_path / "sys/class/thermal/thermal_zone2/temp").mkdir(parents=True)
    assert temperature_c(tmp_path) == pytest.approx(50.0)


def test_without_a_sensor_nothing_is_known(tmp_path: Path):
    assert temperature_c(tmp_path) is None
    assert not is_throttled(tmp_path)


@pytest.mark.parametrize("file", [PI_4, PI_5])
@pytest.mark.parametrize(
    ("bits", "throttled"),
    [
        ("0", False),
        ("50000", False),  # under-voltage and throttling happened once
        ("1", False),  # under-voltage alone
        ("2", True),  # the frequency is capped
        ("50005", True),  # throttled for under-voltage
        ("e0008", False),  # a Pi 3B+ at its soft limit of 60 degrees
        ("e0006", True),
        ("nonsense", False),
    ],
)
def test_a_raspberry_pi_reports_throttling(tmp_path: Path, file, bits, throttled):
    write(tmp_path, file, f"{bits}\n")
    assert is_throttled(tmp_path) is throttled


@pytest.mark.parametrize(
    ("kind", "state", "throttled"),
    [("cpufreq-cpu0", 3, True), ("Processor", 1, True), ("cpufreq-cpu0", 0, False), ("pwm-fan", 4, False)],
)
def test_other_machines_have_cooling_devices(tmp_path: Path, kind, state, throttled):
    cooling(tmp_path, kind, state)
    assert is_throttled(tmp_path) is throttled
