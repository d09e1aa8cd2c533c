"""The documentation names commands, options, make targets and files that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from edgecls.cli.main import app
from tools.file_hygiene import clean
from tools.reference_pages import CAMERA_OPTIONS, COMMANDS, on_page_markdown, reference

ROOT = Path(__file__).parent.parent
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"docs"}
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")]


def command_of(words: list[str]) -> tuple[typer.main.TyperCommand, list[str]]:
    """The command that these words name, without `edgecls`, and the words behind its name."""
    command = typer.main.get_command(app)
    context = command.make_context("edgecls", [], resilient_parsing=True)
    while words and hasattr(command, "get_command"):
        inner = command.get_command(context, words[0])
        if inner is None:
            break
        command, context, words = (
            inner,
            inner.make_context(words[0], [], context, resilient_parsing=True),
            words[1:],
        )
    return command, words


def options_of(command: typer.main.TyperCommand) -> set[str]:
    """The options that a command shows; hidden aliases are not for the documentation."""
    shown = [
        parameter
        for parameter in command.params
        if parameter.param_type_name == "option" and not parameter.hidden
    ]
    named = {name for parameter in shown for name in (*parameter.opts, *parameter.secondary_opts)}
    return named | {"-h", "--help"}


def commands_in(text: str) -> Iterator[list[str]]:
    """The words behind `edgecls` of every command in code blocks and in inline code."""
    blocks = re.findall(r"^```(?:bash|sh|text)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines = [line.removeprefix("$ ") for line in lines if not line.startswith("edgecls: ")]
    lines += re.findall(
        r"(?<!`)`((?:\S+/)?edgecls [^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    )
    for line in lines:
        for part in re.split(r"&&|\||;|'", line.split("  #")[0]):
            words = shlex.split(part, comments=True) if part.count('"') % 2 == 0 else part.split()
            for place, word in enumerate(words):
                if word.split("/")[-1] == "edgecls" and all("=" in before for before in words[:place]):
                    yield words[place + 1 :]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_in_it_exists_with_its_options(page):
    wrong = []
    for words in commands_in(page.read_text()):
        command, rest = command_of(words)
        known = options_of(command)
        if command.name == "install":  # takes those of the camera, too
            known |= options_of(command_of(["camera"])[0])
        is_placeholder = bool(rest) and rest[0].isupper()
        if hasattr(command, "get_command") and rest and not rest[0].startswith("-") and not is_placeholder:
            wrong.append(f"edgecls {' '.join(words)}: no such command")
        given = {word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
        wrong += [f"edgecls {' '.join(words)}: {option}" for option in sorted(given - known)]
    assert not wrong


def test_commands_are_found_in_text():
    text = "`edgecls a b` and\n```bash\nX=1 edgecls c --d   # edgecls no\n~/bin/edgecls e && edgecls f\n```\n"
    assert list(commands_in(text)) == [["c", "--d"], ["e"], ["f"], ["a", "b"]]


def test_every_make_target_in_it_exists():
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target
        for page in PAGES
        for target in re.findall(r"\bmake ([a-z0-9]+(?:-[a-z0-9]+)*)\b`?", code(page))
    }
    assert named <= targets


def code(page: Path) -> str:
    """The code blocks and the inline code of a page."""
    return "\n".join(
        re.findall(r"^```(?:bash|sh)\n.*?^```|`make [^`]+`", page.read_text(), re.MULTILINE | re.DOTALL)
    )


def test_every_file_that_it_names_exists():
    missing = {
        f"{page.name}: {name}"
        for page in PAGES
        for name in re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", page.read_text())
        if name.split("/")[0] in FOLDERS and not (ROOT / name).exists()
    }
    assert not missing


def test_the_readme_has_at_most_200_lines():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


def test_links_in_the_readme_lead_to_files():
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text()):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_the_reference_has_a_section_for_each_command_and_no_hidden_option():
    text = "\n".join(reference())
    assert {"train", "export", "bench", "camera", "predict"} <= set(
        re.findall(r"^### `edgecls (\S+)`", text, re.M)
    )
    assert "#### `edgecls service install`" in text
    assert re.search(r"<code>(-o, )?--output[^<]*</code>", text)
    hidden = {
        name
        for parameter in command_of(["train"])[0].params
        if getattr(parameter, "hidden", False)
        for name in parameter.opts
    }
    section = text.split("### `edgecls train`")[1].split("### `edgecls export`")[0]
    assert not [name for name in hidden if f"<code>{name} " in section]


def test_the_reference_takes_the_place_of_its_marker_only():
    assert on_page_markdown("no marker") == "no marker"
    page = on_page_markdown(f"# Commands\n\n{COMMANDS}\n\nend")
    assert page.startswith("# Commands\n\n## `edgecls`")
    assert page.endswith("\n\nend")
    assert "| <code>max_frames</code> | <code>None</code> |" in on_page_markdown(CAMERA_OPTIONS)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"a  \nb\n\n\n", b"a\nb\n"), (b"a", b"a\n"), (b"\n", b""), (b"a\r\nb \r\n", b"a\r\nb\n")],
)
def test_whitespace_is_cleaned(before, after):
    assert clean(before, ".py") == after


def test_a_line_break_in_markdown_stays():
    assert clean(b"a  \nb\n", ".md") == b"a  \nb\n"
