import nbformat
import pytest
from mkdocs.exceptions import PluginError
from nbformat import v4

from tools import notebook_pages


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Runs a notebook of these cells and gives the page."""
    monkeypatch.setattr(notebook_pages, "ROOT", tmp_path)

    def page(*cells):
        nbformat.write(v4.new_notebook(cells=list(cells)), tmp_path / "n.ipynb")
        return notebook_pages.on_page_markdown("# Title\n\n<!-- notebook: n.ipynb -->\n")

    return page


def test_a_page_shows_the_cells_of_a_notebook_and_what_they_give(page):
    shown = page(
        v4.new_markdown_cell("## Part"),
        v4.new_code_cell("%%bash\necho working ... >&2; ls photographs | head -1"),
        v4.new_code_cell("print(6 * 7)\n'value'"),
    )
    assert shown == (
        "# Title\n\n## Part\n\n"
        "```bash\necho working ... >&2; ls photographs | head -1\n```\n\n```text\nbaseball.jpg\n```\n\n"
        "```python\nprint(6 * 7)\n'value'\n```\n\n```text\n42\n'value'\n```\n"
    )


def test_a_cell_that_fails_fails_the_build(page):
    with pytest.raises(PluginError, match=r"n\.ipynb: a cell failed: .*"):
        page(v4.new_code_cell("%%bash\nexit 3"))
