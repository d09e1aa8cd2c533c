"""Draws the README's tree from the first line of every module: `python docs/tree.py` writes it in place."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (
    "cli",
    "trainer",
    "export",
    "edge_runtime",
    "edge_runtime/camera",
    "edge_runtime/inspection",
    "benchmarks",
)
BEGIN, END = "<!-- tree: written by docs/tree.py -->\n```text\n", "```\n<!-- end of tree -->"


def tree() -> str:
    """The tree as text: each folder, each file, and what it is for."""
    return "\n".join(_folder(ROOT / name) for name in FOLDERS) + "\n"


def _folder(folder: Path) -> str:
    modules = sorted(path for path in folder.glob("*.py") if path.name not in ("__init__.py", "__main__.py"))
    width = max(len(path.name) for path in modules) + 2
    lines = [f"{str(folder.relative_to(ROOT)) + '/':{width + 4}}{_purpose(folder / '__init__.py')}"]
    lines += [f"    {path.name:{width}}{_purpose(path)}" for path in modules]
    return "\n".join(lines)


def _purpose(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return docstring.split("\n\n")[0].replace("\n", " ").rstrip(".")


def _main() -> None:
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(before + BEGIN + tree() + END + after)


if __name__ == "__main__":
    _main()
