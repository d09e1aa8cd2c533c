"""Actions of `camera --on`: what the doctor finds wrong with them, and the commands that fix it."""

import os
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.edge_runtime.doctor.actions import check_actions
from edgecls.edge_runtime.doctor.finding import Level
from tests.certificates import server_tls


def problems(host, *pairs: tuple[str, str]) -> list[tuple[str, str]]:
    found = list(check_actions(pairs, host))
    return [(each.what, each.command) for each in found if each.level is not Level.OK]


def test_a_program_that_is_missing_or_not_executable(host, write, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    apt = host.root / "usr/bin/apt"
    apt.parent.mkdir(parents=True, exist_ok=True)
    apt.touch()
    program = tmp_path / "notify.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o644)
    pairs = [("cat", "run:notify-send a"), ("cat", "run:nope-x"), ("cat", f"run:{program}")]
    assert problems(host, *pairs) == [
        ("--on cat run:notify-send: notify-send: no such program", "sudo apt install -y libnotify-bin"),
        ("--on cat run:nope-x: nope-x: no such program", ""),
        (f"--on cat run:notify.sh: {program}: not executable", f"chmod +x {program}"),
    ]
    program.chmod(0o755)
    assert problems(host, ("cat", f"run:{program}")) == []
    assert problems(host, ("cat", "walk:home"))[0][0] == "--on cat walk:...: no such action"


def test_a_webhook_that_is_away_or_whose_certificate_is_not_trusted(host, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert problems(host, ("cat", f"webhook:http://127.0.0.1:{port}/s3cret")) == []
    what, _ = problems(host, ("cat", f"webhook:http://127.0.0.1:{port}/s3cret"))[0]
    assert what == f"--on cat webhook:http://127.0.0.1:{port}: connection refused"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):  # the second asks for the certificate, to say what is wrong with it
                connection = server.accept()[0]
                try:
                    server_tls(tmp_path).wrap_socket(connection, server_side=True).close()
                except OSError:
                    connection.close()

        threading.Thread(target=answer, daemon=True).start()
        ((what, command),) = problems(host, ("cat", f"webhook:https://127.0.0.1:{server.getsockname()[1]}/"))
    assert "certificate not trusted: self-signed certificate" in what
    assert command == "sudo update-ca-certificates"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may open a file of the test's")
def test_pins_need_the_library_a_chip_and_the_permission(host, write):
    missing = replace(host, error_of=lambda _: "ModuleNotFoundError: No module named 'lgpio'")
    found = problems(missing, ("cat", "gpio:17"))
    assert [what for what, _ in found] == [
        "gpiozero and lgpio cannot be loaded: ModuleNotFoundError: No module named 'lgpio'",
        "/dev/gpiochip0: this machine has no pins",
    ]
    assert found[0][1].endswith("pip install gpiozero lgpio")
    Path(host.root / "dev").mkdir(exist_ok=True)
    (host.root / "dev/gpiochip0").touch()
    assert problems(host, ("cat", "gpio:17")) == []
