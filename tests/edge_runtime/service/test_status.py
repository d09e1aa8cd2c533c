"""The status of a camera service, from systemd's words."""

import pytest
from edgecls.edge_runtime.service.status import ServiceStatus, status_of

RUNNING = """\
MainPID=176
NRestarts=2
ExecMainStatus=0
Result=success
StatusText=cat 93.1%   29.9 fps   latency 0.7 ms   a=b
ActiveState=active
SubState=running
StateChangeTimestamp=Sun 2026-11-22 20:18:48 UTC
UnitFileState=enabled
"""


def status(shown: str) -> ServiceStatus:
    def systemctl(*arguments: str) -> str:
        assert arguments[:2] == ("show", "edgecls-door")
        return shown

    return status_of("door", systemctl)


def test_a_running_service_tells_what_it_sees():
    found = status(RUNNING)
    assert found.is_running
    assert (found.pid, found.restarts) == (176, 2)
    assert found.text.splitlines() == [
        "edgecls-door: running since Sun 2026-11-22 20:18:48 UTC, pid 176, 2 restarts",
        "  cat 93.1%   29.9 fps   latency 0.7 ms   a=b",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainStatus": "65"},
            "not running: failed (exit-code 65) since Sun",
        ),
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "Result": "watchdog", "NRestarts": "1"},
            "not running: auto-restart (watchdog) since Sun 2026-11-22 20:18:48 UTC, 1 restart",
        ),
        (
            {"ActiveState": "inactive", "SubState": "dead", "UnitFileState": "disabled"},
            "0 restarts, not started at boot",
        ),
    ],
)
def test_one_that_does_not_run_tells_why(changes: dict[str, str], words: str):
    values = dict(line.split("=", 1) for line in RUNNING.splitlines())
    values |= {"MainPID": "0", "NRestarts": "0", "StatusText": "", **changes}
    found = status("\n".join(f"{name}={value}" for name, value in values.items()))
    assert not found.is_running
    assert words in found.text
    assert "\n" not in found.text


def test_a_systemd_that_knows_less_is_no_reason_to_fail():
    found = status("ActiveState=active\n")
    assert found.is_running
    assert found.text == "edgecls-door: running, 0 restarts, not started at boot"
