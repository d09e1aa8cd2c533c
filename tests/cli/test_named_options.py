"""Options and commands that messages name exist, for the command that they are named for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgecls.edge_runtime.models.builtin import builtin_paths
from edgecls.edge_runtime.models.model_file import attach_to_onnx, read_model
from tests.test_documentation import command_of, options_of
from tests.test_repository import modules

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*(?![\w-])")
COMMAND = re.compile(r"`[^`]*?\bedgecls ([^`]*)`")
OF_OTHER_PROGRAMS = {
    *(
        "--break-system-packages",
        "--head",
        "--property",
        "--preserve-env",
        "--reinstall",
        "--sort",
        "--value",
    ),
    *("--vacuum-size", "--zstd", "--out", "--list-cameras", "--system-site-packages", "--force-reinstall"),
    *("--no-deps", "--now", "--saved-model"),
}
COMMANDS = (
    "train",
    "export",
    "adopt",
    "bench",
    "sweep",
    "demo",
    "camera",
    "predict",
    "doctor",
    "models",
    "mqtt",
    "cache",
    "inspect",
    "verify",
    "sign",
)


def texts(path: Path) -> Iterator[str]:
    """The strings of a module that are no docstrings; what an f-string inserts is X."""
    tree = ast.parse(path.read_text())
    inner = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
    } | {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.value


def known_options(words: list[str]) -> set[str]:
    command, _ = command_of(words)
    known = options_of(command)
    return known | options_of(command_of(["camera"])[0]) if command.name == "install" else known


def wrong_commands(text: str) -> Iterator[str]:
    """The options that a command in backticks does not have."""
    for named in COMMAND.findall(text):
        words = named.split()
        if not words or not words[0].islower() or not words[0].isalpha():
            continue
        for option in OPTION.findall(named):
            if option not in known_options(words):
                yield f"edgecls {named}: {option}"


EVERY = set().union(
    *(known_options([command]) for command in COMMANDS), known_options(["service", "install"])
)
EVERY |= {"--version", "--quiet", "--verbose", "--folder"} | OF_OTHER_PROGRAMS


@pytest.mark.parametrize("name", sorted(name for name in modules() if ".page." not in name))
def test_every_option_in_a_message_exists(name):
    wrong = []
    for text in texts(modules()[name]):
        wrong += wrong_commands(text)
        wrong += [f"{option} in {text!r}" for option in OPTION.findall(text) if option not in EVERY]
    assert not wrong


@pytest.mark.parametrize(
    "typed",
    [
        *("export", "bench", "verify", "inspect", "predict", "camera --source empty"),
        *("train --data empty", "train --data text.txt", "train --from text.txt"),
        *("verify broken.tflite", "verify other", "verify empty", "inspect broken.tflite", "inspect other"),
        *("predict text.txt", "predict picture.jpg --model empty", "predict picture.jpg --model other"),
        *("camera --model other", "camera --model empty", "camera --source demo --model foreign.onnx"),
        *(
            "export other.h5",
            "export broken.tflite",
            "bench broken.tflite",
            "bench empty",
            "bench --data empty",
        ),
        *("bench --against text.txt", "bench nano --fail-under x=1", "doctor broken.tflite", "doctor empty"),
        *("verify foreign.onnx", "predict picture.jpg --model foreign.onnx", "bench foreign.onnx"),
        *(
            "camera --replay empty",
            "camera --replay other",
            "camera --config text.txt",
            "demo --output text.txt",
        ),
    ],
)
def test_what_a_command_advises_names_its_own_options(tmp_path, run_here, typed):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "broken.tflite").write_text("<html>")
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8\xff")
    nano = read_model(builtin_paths("nano", "onnxruntime")[0])
    (tmp_path / "foreign.onnx").write_bytes(nano.content[: -len(attach_to_onnx(b"", nano.card))])
    words = typed.split()
    done = run_here(*words, cwd=tmp_path)
    assert done.returncode not in (0, 70)
    told = done.stdout + done.stderr
    assert not list(wrong_commands(told))
    named = OPTION.findall(COMMAND.sub("", re.sub(r"^    .*", "", told, flags=re.M)))
    assert set(named) <= known_options(words) | OF_OTHER_PROGRAMS
