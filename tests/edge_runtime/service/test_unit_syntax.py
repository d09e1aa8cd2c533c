"""Whatever stands in an option, a name or a path: systemd reads one word of it, and no line of its own."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.service.control import install
from edgecls.edge_runtime.service.plan import plan_service
from edgecls.edge_runtime.service.unit import CameraService, environment_file, quoted, unit_text

from ...certificates import certificate

SYSTEMD = Path("/usr/lib/systemd/systemd")
PIECES = (
    *(
        "\\",
        "\\\\",
        '"',
        "'",
        "%",
        "%%",
        "%n",
        "$",
        "$$",
        "$HOME",
        "${HOME}",
        ";",
        "\\;",
        "#",
        "=",
        " ",
        "  ",
    ),
    *(
        "\\n",
        "\\x41",
        "\\",
        "[Service]",
        "ExecStart=/bin/sh",
        "@",
        "-",
        "+",
        ":",
        "!",
        "~",
        "{}",
        "{unit}",
        "|",
    ),
    *("a", "/home/pi", "ü", "日本", "😀", "\u00a0", "`id`", "$(id)"),
)
ENDS_OF_LINES = ("\n", "\r", "\x85", "\u2028", "\u2029", "\x0b", "\x0c")
UNSAFE = (*ENDS_OF_LINES, "\0", "\t", "\x1b[2J", "\x7f", "\x9b", "\u202e", "\u2066", "\udc80")


def hostile_words(seed: int, count: int) -> list[str]:
    chosen = random.Random(seed)
    return ["".join(chosen.choices(PIECES, k=chosen.randrange(6))) for _ in range(count)]


def service(*arguments: str, **changes) -> CameraService:
    values = {"python": Path(sys.executable), "description": "csi", "uses_camera": True, "network": "none"}
    return CameraService("camera", arguments=arguments, **(values | changes))


# A parser of unit files, after systemd.syntax(7): it shares nothing with what writes them.


def entries(text: str) -> list[tuple[str, str]]:
    """(name, value) of every setting, with lines that end in a backslash joined."""
    found: list[tuple[str, str]] = []
    lines = iter(text.split("\n"))
    for line in lines:
        if line.lstrip().startswith(("#", ";")) or not line.strip():
            continue
        whole = line
        while (len(whole) - len(whole.rstrip("\\"))) % 2:
            whole = whole[:-1] + " " + next(lines)
        name, equals, value = whole.partition("=")
        found.append((name.strip(), value.strip()) if equals else (whole, ""))
    return found


def words(value: str) -> list[str]:
    """The words of a value, without quotes, escapes and specifiers."""
    found: list[str] = []
    word, quote, at = None, "", 0
    while at < len(value):
        character = value[at]
        if character == "\\":
            at += 1
            assert value[at] in '\\"', f"an escape that is none of ours: {value}"
            word = (word or "") + value[at]
        elif quote:
            quote, word = ("", word) if character == quote else (quote, (word or "") + character)
        elif character in "\"'" and word is None:
            quote, word = character, ""
        elif character.isspace():
            found += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + character
        at += 1
    assert not quote
    return [each.replace("%%", "%") for each in [*found, *([] if word is None else [word])]]


def test_hostile_arguments_come_back_as_they_were():
    plain = [name for name, _ in entries(unit_text(service()))]
    for seed in range(300):
        arguments = hostile_words(seed, 5)
        found = entries(unit_text(service(*arguments)))
        assert [name for name, _ in found] == plain  # not one line more
        command = dict(found)["ExecStart"]
        assert command.startswith(":")
        assert words(command[1:])[5:] == arguments


def test_hostile_folders_and_descriptions_write_no_line_of_their_own():
    plain = [name for name, _ in entries(unit_text(service(reads=(Path("/home/pi"),), network="any")))]
    for seed in range(300):
        one, other = hostile_words(seed, 2)
        folder = Path("/home") / one.replace("/", "")
        found = entries(unit_text(service(reads=(folder,), description=other, network="any")))
        assert [name for name, _ in found] == plain
        assert words(dict(found)["BindReadOnlyPaths"]) == [str(folder)]
        assert dict(found)["Description"].startswith("edgecls camera:")


@pytest.mark.skipif(
    not SYSTEMD.exists() or not shutil.which("setpriv"), reason="no systemd: apt install systemd"
)
def test_systemd_itself_reads_the_words_that_were_written(tmp_path_factory):
    """Its test mode prints the command lines as it understood them; nothing is started."""
    folder = Path(os.path.realpath(tmp_path_factory.mktemp("units")))
    wanted = [["/bin/echo", *hostile_words(seed, 6)] for seed in range(100)]
    lines = "".join(f"ExecStart=:{' '.join(map(quoted, command))}\n" for command in wanted)
    (folder / "hostile.service").write_text(f"[Service]\nType=oneshot\n{lines}")
    others = os.geteuid() == 0  # a user's systemd is not for root
    if others:
        for path in (folder, *folder.parents):
            if path.is_relative_to("/tmp") and path != Path("/tmp"):  # noqa: S108 - of the test's own
                path.chmod(0o755)
        folder.chmod(0o777)
    found = subprocess.run(
        [
            *(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if others else []),
            *(SYSTEMD, "--test", "--user", "--unit=hostile.service"),
        ],
        env={
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "SYSTEMD_UNIT_PATH": f"{folder}:",
            "LC_ALL": "C.UTF-8",
        },
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = found.stdout.decode()
    if "hostile.service" not in said:
        pytest.skip(f"systemd does not read units here: {found.stderr.decode()[-200:]}")
    shown = [
        line.partition("Command Line: ")[2] for line in said.split("\n") if "Command Line: /bin/echo" in line
    ]
    assert [_as_systemd_shows(line) for line in shown] == wanted


def _as_systemd_shows(line: str) -> list[str]:
    """The words of a line as systemd quotes it for a shell: "..." or $'...' with escapes."""
    found: list[str] = []
    at = 0
    while at < len(line):
        if line[at] == " ":
            at += 1
            continue
        word = ""
        if line[at] == '"':
            at += 1
            while line[at] != '"':
                at += line[at] == "\\"
                word += line[at]
                at += 1
            at += 1
        else:
            end = line.find(" ", at)
            word, at = (line[at:], len(line)) if end < 0 else (line[at:end], end)
        found.append(word)
    return found


@pytest.mark.parametrize("unsafe", UNSAFE, ids=ascii)
def test_what_can_end_a_line_or_hide_one_is_refused(unsafe: str, tmp_path: Path):
    text = f"a{unsafe}ExecStartPre=/bin/sh"
    for planned in (
        service("--serve-name", text),
        service(description=text),
        service(reads=(Path("/home") / text.replace("\0", "0\x01"),)),
        service(secrets={"EDGECLS_SOURCE": text}),
    ):
        with pytest.raises(UsageError, match=r"a service cannot have \\") as refused:
            install(planned, lambda *_: "", tmp_path)
        assert "\n" not in str(refused.value)
        assert str(refused.value).isprintable()
    assert list(tmp_path.iterdir()) == []


def test_a_secret_that_is_refused_is_not_shown():
    with pytest.raises(UsageError, match=r"^EDGECLS_TOKEN: a service cannot have") as refused:
        environment_file({"EDGECLS_TOKEN": "hunter2\nA=b"})
    assert "hunter2" not in str(refused.value)


def test_a_program_that_systemd_would_not_run_is_refused_here():
    for name in ('p"y', "p'y", "p\\y"):
        with pytest.raises(UsageError, match="install edgecls in another folder"):
            unit_text(service(python=Path("/opt") / name))
    assert entries(unit_text(service(python=Path("/opt/a $b%c/python"))))
    command = dict(entries(unit_text(service(python=Path("/opt/a $b%c/python")))))["ExecStart"]
    assert words(command[1:])[0] == "/opt/a $b%c/python"


@pytest.mark.parametrize("name", ["secrets.env", "nano_int8.tflite"])
def test_two_files_of_one_name_are_refused(tmp_path: Path, name: str):
    other = certificate(tmp_path).pem.rename(tmp_path / name)
    options = CameraOptions(source="https://10.0.0.7/live", model=Path("nano"), ca_file=other)
    with pytest.raises(UsageError, match=f"the service has another file named {name}; rename this one"):
        plan_service("camera", options)
