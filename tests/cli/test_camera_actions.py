"""`edgecls camera --on`: what is refused at the start, and a camera with actions from start to end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgecls.cli.typed_secrets import exposed_secrets, shown_arguments
from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.errors import BadConfiguration, UsageError
from edgecls.edge_runtime.service.plan import plan_service
from edgecls.edge_runtime.service.unit import unit_text
from tests.waiting import wait_until

from ..edge_runtime.camera.actions.test_command import is_alive
from ..edge_runtime.camera.actions.test_pins import MOCK

posix = pytest.mark.skipif(os.name != "posix", reason="a shell, and signals")
DEMO = ("camera", "--source", "demo", "--model", "nano", "--headless")


@pytest.mark.parametrize(
    ("on", "code", "said"),
    [
        (("cut", "run:true"), 2, "--on cut: not a label of nano; write any, unknown or one of airplane,"),
        (("cat", "run:nope-x"), 66, "--on cat run:nope-x: nope-x: no such program"),
        (("cat", "walk:home"), 2, "--on cat walk:...: no such action; write run:"),
        (("cat", "gpio:99"), 2, "--on cat gpio:99: not a pin"),
        (("cat", "webhook:s3cret"), 2, "--on cat webhook:...: not an address"),
        (("cat",), 2, "Option '--on' requires 2 arguments"),
    ],
)
def test_what_cannot_work_ends_at_the_start_with_one_line(run_here, tmp_path, on, code, said):
    done = run_here(*DEMO, "--on", *on, cwd=tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith(f"edgecls: error: {said}")
    assert done.stderr.count("\n") == 1
    assert "s3cret" not in done.stderr
    if on[0] == "cut":
        assert "did you mean 'cat'?" in done.stderr


@pytest.mark.parametrize("value", ["cat", "cat run:true dog", "cat 'run:true"])
def test_a_variable_that_is_no_list_of_pairs_is_refused(run_here, tmp_path, monkeypatch, value):
    monkeypatch.setenv("EDGECLS_ON", value)
    done = run_here(*DEMO, cwd=tmp_path)
    assert (done.returncode, done.stderr[:27]) == (2, "edgecls: error: EDGECLS_ON:")


def test_the_variable_and_the_file_say_what_the_command_line_does(run_here, tmp_path, monkeypatch):
    typed = run_here(
        *DEMO, "--on", "cat", "run:a 'b c'", "--on", "any", "gpio:17", "--print-config", cwd=tmp_path
    )
    (tmp_path / "door.toml").write_text(typed.stdout)
    read = run_here("camera", "--config", "door.toml", "--print-config", cwd=tmp_path)
    monkeypatch.setenv("EDGECLS_ON", """cat "run:a 'b c'" any gpio:17""")
    found = run_here(*DEMO, "--print-config", cwd=tmp_path)
    assert typed.stdout == read.stdout == found.stdout
    assert typed.stdout.count("[[on]]\nlabel = ") == 2


def test_a_secret_in_a_webhook_is_warned_of_and_hidden(monkeypatch):
    words = ["camera", "--on", "left:cat", "webhook:http://me:s3cret@host/x", "--on", "any", "run:a b@c"]
    monkeypatch.setattr(sys, "argv", ["edgecls", *words])
    assert exposed_secrets().startswith("a webhook's secret on the command line ")
    assert exposed_secrets().endswith("set EDGECLS_ON, or use --config FILE")
    shown = shown_arguments(words)
    assert shown == ["camera", "--on", "left:cat", "webhook:http://me:***@host/x", "--on", "any", "run:a b@c"]
    monkeypatch.setattr(sys, "argv", ["edgecls", "camera", "--on", "left:cat", "run:a b@c"])
    assert exposed_secrets() == ""


def planned(*on: tuple[str, str]):
    return plan_service("door", CameraOptions(source="csi", model=Path("nano"), on=on))


@posix
def test_a_service_keeps_secrets_apart_and_gets_what_its_actions_need_and_nothing_more(monkeypatch):
    monkeypatch.setenv("EDGECLS_WEBHOOK_SECRET", "0123456789abcdef")
    plain = planned()
    assert "gpio" not in unit_text(plain)
    assert (plain.network, plain.secrets) == ("none", {})

    pins = planned(("cat", "gpio:17"), ("dog", "gpio:27:active=low:pulse=2s"))
    text = unit_text(pins)
    assert (pins.network, pins.secrets) == ("none", {})
    assert "SupplementaryGroups=gpio\nDeviceAllow=char-gpiochip rw\nEnvironment=LG_WD=/tmp\n" in text
    assert "-m edgecls.edge_runtime.camera.actions.pin_child off 17 27:low\n" in text
    assert " --on cat gpio:17 " in text

    hooks = planned(("cat", "webhook:https://ntfy.sh/s3cret?a=b c".replace(" ", "%20")), ("dog", "run:true"))
    assert hooks.network == "any"
    assert "s3cret" not in unit_text(hooks) + repr(hooks)
    assert hooks.secrets == {
        "EDGECLS_ON": "cat 'webhook:https://ntfy.sh/s3cret?a=b%20c' dog run:true",
        "EDGECLS_WEBHOOK_SECRET": "0123456789abcdef",
    }
    assert planned(("cat", "webhook:http://127.0.0.1:1880/cat")).network == "loopback"


@posix
def test_a_service_runs_no_program_that_it_cannot_see_and_no_unknown_label(tmp_path):
    program = tmp_path / "notify.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    with pytest.raises(BadConfiguration, match="hidden from services; copy it to /usr/local/bin"):
        planned(("cat", f"run:{program}"))
    with pytest.raises(UsageError, match="--on cut: not a label of nano"):
        planned(("cut", "run:true"))


@pytest.fixture
def pin(tmp_path) -> Path:
    """The level of a mock of GPIO17, which outlives the process."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(MOCK.format(folder=str(tmp_path)))
    return tmp_path / "GPIO17"


@posix
@pytest.mark.parametrize("ending", ["SIGTERM", "SIGKILL"])
def test_a_camera_with_everything_that_hangs_ends_in_time_and_its_pin_is_off(tmp_path, pin, ending, within):
    pytest.importorskip("gpiozero")
    command = [
        sys.executable,
        "-m",
        "edgecls.cli",
        *DEMO,
        "--events",
        "events.jsonl",
        "--smooth",
        "0",
        "--hold",
        "0",
    ]
    child = "(trap '' TERM; exec sh -c 'echo $$ > new; mv new pid; exec sleep 1000')"
    command += ["--on", "any", "gpio:17", "--on", "any", f"sh:echo a; {child} & wait"]
    command += ["--on", "any", "webhook:http://127.0.0.1:9/"]
    path = f"{pin.parent / 'site'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    environment = os.environ | {"GPIOZERO_PIN_FACTORY": "mock", "PYTHONPATH": path}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: pin.exists() and pin.read_text() == "1" and (tmp_path / "pid").exists())
            with within(3):
                process.send_signal(signal.Signals[ending])
                assert process.wait(60) == (0 if ending == "SIGTERM" else -9)
        finally:
            process.kill()
    wait_until(lambda: pin.read_text() == "0")
    wait_until(lambda: not is_alive(int((tmp_path / "pid").read_text())))
    if ending == "SIGKILL":
        return
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    failed = [event["text"] for event in events if event["kind"] == "output_failed"]
    assert failed == ["any webhook:http://127.0.0.1:9: connection refused; trying again in 1 s"]
    assert events[-1]["kind"] == "stopped"
    dropped = {each["name"]: each["dropped"] for each in events[-1]["deliveries"]}
    assert dropped["any sh:echo"] == 1
    assert dropped["gpio"] == 0


def test_a_camera_without_actions_loads_none_of_this():
    program = (
        "import sys, edgecls.cli.camera, edgecls.cli.predict, edgecls.cli.typed_secrets as typed\n"
        "from edgecls.edge_runtime.camera.session import CameraOptions, check_options\n"
        "check_options(CameraOptions()); typed.exposed_secrets()\n"
        "print(*[name for name in sys.modules if '.actions' in name or 'courier' in name])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
