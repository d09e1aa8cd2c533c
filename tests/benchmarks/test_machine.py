import json
from pathlib import Path

import pytest

from edgecls.benchmarks.machine import Machine, MachineState, read_machine, read_state, report_json

CPUINFO = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n\nprocessor\t: 1\nmodel name\t: Some CPU @ 2 GHz\n"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def machine(load: float = 0.1, governor: str | None = None) -> Machine:
    return Machine("CPU", 2, governor, load, "Linux", "3.11")


def test_this_machine_is_described():
    here = read_machine()
    assert here.cpu
    assert here.cores >= 1
    assert here.load >= 0


def test_the_model_name_is_the_cpu(tmp_path):
    write(tmp_path, "proc/cpuinfo", CPUINFO)
    assert read_machine(tmp_path).cpu == "Some CPU @ 2 GHz"


def test_a_raspberry_pi_says_its_board(tmp_path):
    write(tmp_path, "proc/cpuinfo", CPUINFO)
    write(tmp_path, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    assert read_machine(tmp_path).cpu == "Raspberry Pi 5 Model B Rev 1.0"


def test_governors_that_differ_are_all_named(tmp_path):
    for core, governor in enumerate(("performance", "powersave", "performance")):
        write(tmp_path, f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor", f"{governor}\n")
    assert read_machine(tmp_path).governor == "performance and powersave"


def test_an_unknown_governor_is_none(tmp_path):
    assert read_machine(tmp_path).governor is None


@pytest.mark.parametrize("governor", [None, "performance"])
def test_a_quiet_machine_with_a_fixed_clock_has_no_warning(governor):
    assert machine(governor=governor).warnings == ()


def test_a_busy_machine_is_warned_about():
    (line,) = machine(load=1.5).warnings
    assert "load 1.50 on 2 cores" in line


def test_a_varying_clock_is_warned_about():
    (line,) = machine(governor="ondemand").warnings
    assert "governor ondemand" in line


def test_the_state_has_the_clock_and_the_heat(tmp_path):
    write(tmp_path, "proc/cpuinfo", "cpu MHz\t: 2000.0\n\ncpu MHz\t: 3000.0\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "61500\n")
    state = read_state(tmp_path)
    assert (state.clock_mhz, state.temperature_c, state.is_held_down) == (2500, 61.5, False)
    assert read_machine(tmp_path).before == state


def test_the_governors_clock_goes_before_that_of_proc(tmp_path):
    for core, khz in enumerate((600_000, 1_800_000)):
        write(tmp_path, f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq", f"{khz}\n")
    assert read_state(tmp_path).clock_mhz == 1200


def test_a_throttled_machine_is_a_warning():
    assert MachineState(0.1, temperature_c=84.6, is_held_down=True).warnings == (
        "the clock is throttled at 85 °C: cool the machine, check its power supply, and run it again",
    )
    assert MachineState(0.1, temperature_c=84.6).warnings == ()


def test_every_report_begins_with_its_schema_its_kind_and_the_version():
    values = {"created_at": "2025", "files": ["日"]}
    text = report_json(3, values, kind="corruptions")
    assert text.startswith('{"schema":3,"kind":"corruptions","edgecls":"')
    assert text.endswith('","created_at":"2025","files":["日"]}\n')
    assert list(json.loads(report_json(3, values, indent=1))) == ["schema", "edgecls", "created_at", "files"]
