"""Commands of `--on LABEL run:COMMAND`: what they get, what they write, and how they end."""

import json
import os
import sys
import threading
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.actions.announced import Announced
from edgecls.edge_runtime.camera.actions.command import LONGEST_LINE, MOST_LINES, CommandRunner, check_command
from edgecls.edge_runtime.camera.actions.rules import CommandAction, parse_rules
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.outputs.destination import Carrying
from edgecls.edge_runtime.errors import MissingInput, PermissionRefused, Unavailable
from tests.waiting import wait_until

posix = pytest.mark.skipif(os.name != "posix", reason="process groups")
HOSTILE = "$(touch pwned); `touch pwned` \"'|& é"


def event(label: str | None = "cup", previous: str | None = None) -> Announced:
    return Announced(7, "ab12", label, previous, 0.9312, 42, "nano", "rtsp://me:***@10.0.0.7/live")


def action(text: str) -> CommandAction:
    found = parse_rules([("cup", text)])[0].action
    assert isinstance(found, CommandAction)
    return found


def run(text: str, announced: Announced | None = None, attempt: Carrying | None = None) -> list[str]:
    """Runs a command to its end, and returns the texts of its events."""
    events: list[Event] = []
    command = CommandRunner("cup run:x", action(text), events.append)
    command.deliver(announced or event(), attempt or Carrying(0.0))
    assert all(each.kind == "action_output" for each in events)
    return [each.text.removeprefix("cup run:x: ") for each in events]


def test_the_event_comes_as_json_and_as_variables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("EDGECLS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EDGECLS_TOKEN", "s3cret")
    monkeypatch.setenv("EDGECLS_ON", "s3cret")
    program = "import json, os, sys; json.dump([json.load(sys.stdin), dict(os.environ)], open('got', 'w'))"
    (tmp_path / "x.py").write_text(program)
    assert run(f"run:{sys.executable} x.py", event(HOSTILE, "mug\n\x1b[2J")) == []
    values, variables = json.loads((tmp_path / "got").read_text())
    assert values == {
        "event": "label_changed",
        "version": 1,
        "id": "ab12-7",
        "number": 7,
        "label": HOSTILE,
        "previous": "mug\n\x1b[2J",
        "confidence": 0.9312,
        "time": values["time"],
        "model": "nano",
        "camera": "rtsp://me:***@10.0.0.7/live",
        "frame": 42,
    }
    ours = {name: value for name, value in variables.items() if name.startswith("EDGECLS_")}
    assert ours == {
        "EDGECLS_EVENT": "label_changed",
        "EDGECLS_LABEL": HOSTILE,
        "EDGECLS_PREVIOUS": "mug\\n\\x1b[2J",
        "EDGECLS_CONFIDENCE": "0.931200",
        "EDGECLS_TIME": values["time"],
        "EDGECLS_NUMBER": "7",
        "EDGECLS_MODEL": "nano",
        "EDGECLS_CAMERA": "rtsp://me:***@10.0.0.7/live",
    }
    assert not (tmp_path / "pwned").exists()


@posix
def test_a_shell_gets_a_label_by_its_variables_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run('sh:echo "$EDGECLS_LABEL" $EDGECLS_LABEL', event(HOSTILE)) == [f"{HOSTILE} {HOSTILE}"]
    assert not (tmp_path / "pwned").exists()
    assert run("sh:echo ${EDGECLS_LABEL:-nothing}", event(None, "cup")) == ["nothing"]


@posix
def test_what_it_writes_is_bounded_and_clean():
    lines = run("sh:printf '\\033[2Jone\\n'; printf two >&2; sleep 0.1; yes | head -c 100000; printf end")
    assert lines[:3] == ["\\x1b[2Jone", "twoy", "y"]
    assert len(lines) == MOST_LINES + 1
    assert lines[-1].endswith(" more lines")
    (line,) = run("sh:head -c 1000000 /dev/zero | tr '\\0' a")
    assert line == "a" * LONGEST_LINE + "..."


@posix
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sh:exit 3", "exit code 3"),
        ("sh:kill -9 $$", "ended by SIGKILL"),
        ("run,limit=100ms:sleep 60", "not finished after 0.1 s; ended"),
        (
            "run,limit=100ms:/bin/sh -c \"trap '' TERM; while :; do sleep 60; done\"",
            "not finished after 0.1 s; ended",
        ),
        ("run:/edgecls/nowhere", "cannot start: no such file or directory"),
    ],
)
def test_a_failure_says_how_it_ended(text, why):
    with pytest.raises(Unavailable) as failed:
        run(text)
    assert str(failed.value) == f"cup run:x: {why}"


@posix
@pytest.mark.parametrize("ending", ["limit", "interruption", "its own end"])
def test_its_children_end_with_it(tmp_path, ending):
    """Also those that ignore SIGTERM."""
    note = tmp_path / "pid"
    child = f"(trap '' TERM; exec sh -c 'echo $$ > {note}.new; mv {note}.new {note}; sleep 60; sleep 60') &"
    last = f"while [ ! -e {note} ]; do sleep 0.01; done; " + ("exit 0" if ending == "its own end" else "wait")
    attempt = Carrying(0.0)
    if ending == "interruption":
        threading.Thread(target=lambda: (wait_until(note.exists), attempt.interrupt())).start()
    text = f"sh,limit={'500ms' if ending == 'limit' else '60s'}:{child} {last}"
    try:
        run(text, attempt=attempt)
    except Unavailable:
        assert ending != "its own end"
    pid = int(note.read_text())
    wait_until(lambda: not is_alive(pid))


@posix
def test_an_event_is_read_or_not():
    assert run("sh:exec <&-; echo fine") == ["fine"]
    assert run("sh:cat > /dev/null; cat; echo fine") == ["fine"]


@posix
def test_a_large_event_comes_whole():
    large = event("a" * 60_000)
    assert run("sh:wc -c", large) == [str(len(large.to_json()))]


@posix
def test_no_descriptor_is_left_open():
    run("run:true")
    before = len([*Path("/dev/fd").iterdir()])
    for _ in range(5):
        run("sh:echo a")
    assert len([*Path("/dev/fd").iterdir()]) == before


def test_a_program_that_is_not_there_is_said_at_the_start(tmp_path):
    with pytest.raises(MissingInput, match="--on cup run:x: nope-x: no such program; install it"):
        check_command(action("run:nope-x a b"), "cup run:x")
    with pytest.raises(MissingInput, match="leave its quotes out"):
        check_command(action("run:'notify-send cup'"), "cup run:x")
    program = tmp_path / "notify.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o644)
    with pytest.raises(PermissionRefused, match=r"notify\.sh: not executable; run `chmod \+x "):
        check_command(action(f"run:{program}"), "cup run:x")
    with pytest.raises(PermissionRefused, match="name a program"):
        check_command(action(f"run:{tmp_path}"), "cup run:x")
    program.chmod(0o755)
    assert check_command(action(f"run:{program} a"), "cup run:x") == program


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
