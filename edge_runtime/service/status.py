"""How a camera service is, as systemd knows it."""

from dataclasses import dataclass

from .camera_service import unit_of
from .systemctl import Systemctl

_PROPERTIES = (
    "ActiveState",
    "SubState",
    "StateChangeTimestamp",
    "StatusText",
    "NRestarts",
    "MainPID",
    "Result",
    "ExecMainStatus",
    "UnitFileState",
)


@dataclass(frozen=True)
class ServiceStatus:
    """How a service is at this moment."""

    unit: str
    is_running: bool
    state: str
    """As systemd has it: `running`, `auto-restart`, `dead`, `failed`."""
    since: str
    """The wall clock when that began, as systemd writes it; empty where it never ran."""
    said: str
    """What the loop told last: the label with its rates, or what it waits for."""
    restarts: int
    """After failures, since it was last started by hand or at boot."""
    pid: int
    """Of its main process; 0 where it does not run."""
    starts_at_boot: bool
    result: str
    """Why it does not run: systemd's word, such as `exit-code` or `watchdog`; `success` otherwise."""
    exit_code: int

    @property
    def text(self) -> str:
        """For people: a line for the service, and one for what it said."""
        since = f" since {self.since}" if self.since else ""
        pid = f", pid {self.pid}" if self.pid else ""
        count = "1 restart" if self.restarts == 1 else f"{self.restarts} restarts"
        boot = "" if self.starts_at_boot else ", not started at boot"
        code = f" {self.exit_code}" if self.result == "exit-code" else ""
        why = "" if self.result == "success" else f" ({self.result}{code})"
        state = "running" if self.is_running else f"not running: {self.state}{why}"
        lines = [f"{self.unit}: {state}{since}{pid}, {count}{boot}"]
        return "\n".join([*lines, f"  {self.said}"] if self.said else lines)


def status_of(name: str, systemctl: Systemctl) -> ServiceStatus:
    """Asks systemd for the status of a camera's service.

    Raises:
        EdgeclsError: systemd does not answer.
    """
    unit = unit_of(name)
    shown = systemctl("show", unit, f"--property={','.join(_PROPERTIES)}")
    values = {name: value for name, _, value in (line.partition("=") for line in shown.splitlines())}
    return ServiceStatus(
        unit=unit,
        is_running=values.get("ActiveState") == "active",
        state=values.get("SubState", "unknown"),
        since=values.get("StateChangeTimestamp", ""),
        said=values.get("StatusText", ""),
        restarts=_number(values.get("NRestarts", "")),
        pid=_number(values.get("MainPID", "")),
        starts_at_boot=values.get("UnitFileState") == "enabled",
        result=values.get("Result", "success"),
        exit_code=_number(values.get("ExecMainStatus", "")),
    )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
