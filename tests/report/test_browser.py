"""Pages in a real browser: hostile text is shown and not run, and no request leaves the machine."""

from collections.abc import Iterator
from pathlib import Path

import browser
import nbformat
import pandas as pd
import pytest
from browser import shown
from hostile import MARK, TEXTS
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from membership.report import markdown, pages, readable, words

OUTSIDE = "http://outside.test/x.png"
RUNS = f"<script>document.title='{MARK}'</script><img src='{OUTSIDE}'>"

pytestmark = browser.NEEDED


@pytest.fixture
def asked() -> Iterator[list[str]]:
    with browser.proxy() as found:
        yield found


def test_the_check_sees_what_runs_and_what_is_loaded(tmp_path, asked):
    (tmp_path / "a.html").write_text(f"<!doctype html><title>quiet</title>{RUNS}")
    document, found = shown(tmp_path / "a.html", asked, tmp_path / "profile")
    assert f"<title>{MARK}</title>" in document
    assert OUTSIDE in found


def test_hostile_text_in_a_page_is_shown_and_nothing_runs_or_is_loaded(tmp_path, asked):
    table = readable.styled(pd.DataFrame({text: [text] for text in TEXTS})).to_html()
    told = "\n\n".join(f"- {markdown.escaped(text)}\n\n| {markdown.escaped(text)} |\n|--|\n" for text in TEXTS)
    outputs = [
        new_output("display_data", {"text/html": table}),
        new_output("display_data", {"text/html": pd.DataFrame({"a": TEXTS}, index=TEXTS).to_html()}),
        new_output("display_data", {"text/markdown": told}),
        new_output("stream", name="stdout", text="\n".join(TEXTS)),
    ]
    book = new_notebook(cells=[new_markdown_cell("# Title"), new_code_cell("1", outputs=outputs)])
    nbformat.write(book, tmp_path / "a.ipynb")
    page = pages.save_page(tmp_path / "a.ipynb", tmp_path / "a.html")
    document, found = shown(page, asked, tmp_path / "profile")
    assert f"<title>{MARK}" not in document
    assert document.count("{{ 7 * 7 }}") >= 5
    assert "onload=document" not in document.replace("svg onload", "") and "<svg" not in document
    assert found == []


def test_even_what_was_not_escaped_runs_nothing_and_loads_nothing(tmp_path, asked):
    outputs = [
        new_output("display_data", {"text/html": RUNS}),
        new_output("display_data", {"application/javascript": f"document.title='{MARK}'"}),
        new_output("display_data", {"text/markdown": f"![x]({OUTSIDE})"}),
    ]
    cells = [new_markdown_cell(f"# Title $x$ {RUNS}"), new_code_cell("1", outputs=outputs)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    document, found = shown(pages.save_page(tmp_path / "a.ipynb", tmp_path / "a.html"), asked, tmp_path / "profile")
    assert f"<title>{MARK}" not in document
    assert found == []


def test_the_index_runs_nothing_and_loads_nothing(workspace, asked, tmp_path):
    (workspace / "dvc.yaml").write_text("stages:\n  value:\n    cmd: none\n")
    book = new_notebook(cells=[new_markdown_cell(f"# {TEXTS[1]}")])
    nbformat.write(book, make(workspace / "notebooks") / "31_value.ipynb")
    template = words.environment("md", "en").from_string("# {{ text }}\n\n{{ text }}")
    told = "\n\n".join(template.render(text=text) for text in TEXTS)
    (make(workspace / "reports") / "summary.md").write_text(told + RUNS)
    document, found = shown(pages.save_index(), asked, tmp_path / "profile")
    assert f"<title>{MARK}" not in document
    assert found == []


def make(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
