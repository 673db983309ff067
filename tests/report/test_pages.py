"""Pages of executed notebooks: the conclusion first, texts brought up to date without running anything."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from membership.report import pages


def book(path, title: str) -> None:
    said = new_output("display_data", {"text/markdown": "It pays."})
    bar = new_output("stream", name="stderr", text="bootstrap: 100%")
    cells = [
        new_markdown_cell(title, id="title"),
        new_code_cell("first()", id="first", outputs=[new_output("stream", name="stdout", text="looked")]),
        new_markdown_cell("## Conclusion", id="heading"),
        new_code_cell("conclude()", id="last", outputs=[bar, said], metadata={"tags": [pages.CONCLUSION]}),
        new_markdown_cell("## Save", id="save"),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)


def test_a_page_begins_with_its_conclusion_and_hides_how_it_was_made(tmp_path):
    book(tmp_path / "a.ipynb", "# Does it pay?")
    page = pages.save_page(tmp_path / "a.ipynb", tmp_path / "a.html").read_text()
    assert page.index("Does it pay?") < page.index("It pays.") < page.index("looked")
    assert "conclude" not in page and "bootstrap" not in page
    assert ">Conclusion" not in page and ">Save" in page


def test_texts_are_brought_up_to_date_without_running_and_only_where_they_changed(workspace):
    (workspace / "dvc.yaml").write_text("stages:\n  value:\n    cmd: none\n")
    book(workspace / "notebooks" / "31_value.ipynb", "# Does it pay now?")
    book(workspace / "reports" / "notebooks" / "31_value.ipynb", "# Does it pay?")
    assert pages.refresh() == [workspace / "reports" / "31_value.html"]
    page = (workspace / "reports" / "31_value.html").read_text()
    assert "Does it pay now?" in page and "looked" in page
    assert pages.refresh() == []
