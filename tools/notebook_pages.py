"""Notebook pages: an mkdocs hook that runs a notebook and writes its cells and their results into a page.

The page holds a marker with the notebook's path. A cell that fails fails the build, so the page shows what
edgecls does today. The notebook itself is kept without results, for readers to run.
"""

import html
import os
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.exceptions import PluginError
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from edgecls.edge_runtime.files import scratch_folder

ROOT = Path(__file__).parent.parent
MARKER = re.compile(r"<!-- notebook: (\S+) -->")
_PHOTOGRAPHS = ROOT / "tests" / "photographs"
"""What notebooks find as `photographs/` in the folder that they run in."""
_CELL_TIMEOUT_S = 600
_BASH = "%%bash\n"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for each page: its Markdown, with the notebook's cells in place of its marker."""
    return MARKER.sub(lambda found: _run(ROOT / found[1]), markdown)


@cache
def _run(path: Path) -> str:
    notebook = nbformat.read(path, as_version=4)
    with scratch_folder() as folder:
        shutil.copytree(_PHOTOGRAPHS, folder / "photographs")
        try:
            run(notebook, folder)
        except CellExecutionError as error:
            raise PluginError(f"{path}: a cell failed: {error}") from error
    return "\n\n".join(as_markdown(notebook))


def run(notebook: Any, folder: Path) -> None:
    """Runs all cells in a folder, each of them for ten minutes at most; the results become part of it.

    Raises:
        CellExecutionError: a cell failed.
    """
    where = {"metadata": {"path": str(folder)}}
    # The command edgecls of this very environment, which need not be an active one.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    NotebookClient(
        notebook,
        timeout=_CELL_TIMEOUT_S,
        startup_timeout=_CELL_TIMEOUT_S,
        kernel_name="python3",
        resources=where,
    ).execute(env=os.environ | {"PATH": path})


def as_markdown(notebook: Any) -> Iterator[str]:
    """Yields each cell and each result as Markdown."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell.source
            continue
        is_bash = cell.source.startswith(_BASH)
        yield _fenced(cell.source.removeprefix(_BASH), "bash" if is_bash else "python")
        printed = "".join(_text(output) for output in cell.outputs)
        if printed.strip():
            yield _fenced(printed.rstrip(), "text")
        for output in cell.outputs:
            if png := output.get("data", {}).get("image/png"):
                shown = html.escape(output["data"].get("text/plain", ""))
                yield f'<img alt="{shown}" src="data:image/png;base64,{"".join(png.split())}">'


def _text(output: Any) -> str:
    """What a result adds to the printed text: what was printed, without progress (stderr), or a value."""
    if output.output_type == "stream":
        return output.text if output.name == "stdout" else ""
    data = output.get("data", {})
    return "" if "image/png" in data else data.get("text/plain", "") + "\n"


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"
