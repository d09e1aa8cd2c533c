"""Reference pages: an mkdocs hook that writes the commands and the camera's options into the documentation.

Pages in docs/reference/ hold markers. The hook replaces them by what the commands and `CameraOptions` say of
themselves, so the reference, `--help` and the library cannot differ.
"""

import html
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from typer.main import get_command

from edgecls.cli.command import parameter_groups
from edgecls.cli.main import app
from edgecls.edge_runtime.camera.options import CameraOptions

COMMANDS = "<!-- every command -->"
CAMERA_OPTIONS = "<!-- camera options -->"
_PLAIN = str.maketrans({"|": "&#124;", "*": r"\*", "[": "&#91;", "_": r"\_"})
"""Characters that Markdown would take for a table, emphasis or a link."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for each page: its Markdown, with the references in place of their markers."""
    for marker, lines in ((COMMANDS, reference), (CAMERA_OPTIONS, camera_options)):
        if marker in markdown:
            markdown = markdown.replace(marker, "\n".join(lines()))
    return markdown


def camera_options() -> Iterator[str]:
    """The fields of `CameraOptions` as a table, line by line."""
    yield "| Field | Default | |\n| --- | --- | --- |"
    for option in fields(CameraOptions):
        yield f"| {_names(option.name)} | {_names(repr(option.default))} | {_cell(option.metadata['help'])} |"


def reference() -> Iterator[str]:
    """The reference, line by line: a section for each command, in the order of `edgecls --help`."""
    root = get_command(app)
    yield from _section(root, root.make_context("edgecls", [], resilient_parsing=True))


def _section(command: Any, context: Any) -> Iterator[str]:
    depth = context.command_path.count(" ")
    yield f"{'#' * (2 + depth)} `{context.command_path}`\n"
    yield f"{_paragraphs(command.help or '')}\n"
    yield f"```text\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    for title, rows in parameter_groups(command, context).items():
        yield f"| {title} | |\n| --- | --- |"
        yield from (f"| {_names(names)} | {_cell(text)} |" for names, text in rows)
        yield ""
    if command.epilog:
        yield f"{_paragraphs(command.epilog)}\n"
    if command.examples:
        yield "\n".join(["```bash", *command.examples, "```\n"])
    for name in getattr(command, "list_commands", lambda _: [])(context):
        inner = command.get_command(context, name)
        if inner is not None and not inner.hidden:
            yield from _section(inner, inner.make_context(name, [], context, resilient_parsing=True))


def _names(names: str) -> str:
    plain = html.escape(names).replace("|", "&#124;")
    return f"<code>{plain.replace('[', '&#91;')}</code>"  # [a][b] would be a link


def _cell(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False).translate(_PLAIN)


def _paragraphs(text: str) -> str:
    return "\n\n".join(html.escape(" ".join(part.split()), quote=False) for part in text.split("\n\n"))
