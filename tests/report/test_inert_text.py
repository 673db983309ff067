"""Text of people is shown as it stands, in styled tables, in Markdown and in figures."""

import ast
import doctest
import json
import re
from html import unescape
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from hostile import TEXTS
from nbconvert.filters import markdown2html
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from membership.report import figures, markdown, pages, readable, words
from membership.report.figures import lifecycle, personas

ROOT = Path(__file__).parents[2]


def test_the_examples_hold():
    assert doctest.testmod(markdown).failed == 0


@pytest.mark.parametrize("text", TEXTS)
def test_a_styled_table_holds_text_only_escaped(text):
    frame = pd.DataFrame({text: [text, 1.0]}, index=pd.Index([text, "b"], name=text)).rename_axis(columns=text)
    page = readable.styled(frame).to_html()
    assert page.count("<svg") == page.count("<img") == page.count("<script") == 0
    assert unescape(page).count(text) == 5


def test_no_other_module_and_no_notebook_styles_a_table():
    def styles(source: str) -> bool:
        tree = ast.parse(source) if ".style" in source else ast.Module([], [])
        return any(isinstance(node, ast.Attribute) and node.attr == "style" for node in ast.walk(tree))

    found = [path for path in (ROOT / "src").rglob("*.py") if styles(path.read_text(encoding="utf-8"))]
    assert [path.name for path in found] == ["readable.py"]
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not any(styles("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"), path


_MADE = {  # what makes a page, Markdown or CSV of text -> the modules that may, each of which escapes
    "Markup": {"words.py", "markdown.py", "build.py", "designer_tables.py"},
    "to_html": {"readable.py", "build.py", "designer_tables.py"},
    "markdown2html": {"pages.py", "replay.py", "build.py", "stored.py"},
    "HTML": {"designer_view.py", "page.py"},
    "to_csv": {"spreadsheet.py"},
    "to_markdown": set(),
}


def test_text_becomes_a_page_or_a_table_nowhere_else():
    """So a new place is looked at first, and its tables of people's words are written by `spreadsheet`."""
    found: dict[str, set[str]] = {name: set() for name in _MADE}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "attr", getattr(called, "id", None))
            if name in found:
                found[name].add(path.name)
    assert {name: places - _MADE[name] for name, places in found.items()} == {name: set() for name in _MADE}


def test_templates_and_scripts_take_no_text_as_it_is():
    room = ROOT / "src" / "membership" / "report" / "templates"
    for path in room.rglob("*.j2"):
        for taken in re.findall(r"\{\{((?:(?!\}\}).)*?)\|\s*safe", path.read_text(encoding="utf-8")):
            assert '"' in taken or taken.strip() == "row.rule", path  # constants, and the name of a rule of ours
    for path in room.rglob("*.js"):
        script = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", script), path


@pytest.mark.parametrize("before", ["", "- ", "> ", "of "])
@pytest.mark.parametrize("text", TEXTS)
def test_markdown_shows_a_text_as_it_stands(text, before):
    page = markdown2html(f"{before}{markdown.escaped(text)} end")
    plain = " ".join("".join(part.split(">")[-1] for part in page.split("<")).split())
    assert unescape(plain).removeprefix(before).endswith(f"{' '.join(text.split())} end")
    assert not set(tags(page)) - {"p", "ul", "li", "blockquote"}


def tags(page: str) -> list[str]:
    return [part.lstrip("/").split()[0].split(">")[0] for part in page.split("<")[1:]]


def test_a_cell_of_a_markdown_table_stays_one_cell():
    rows = "".join(f"| {markdown.escaped(text)} | 1 |\n" for text in TEXTS)
    assert markdown2html(f"| a | b |\n|:--|--:|\n{rows}").count("<td") == 2 * len(TEXTS)


def test_templates_escape_what_they_are_given_but_not_what_they_are_made_of():
    made = words.environment("md", "en").from_string(
        "{% macro b(x) %}**{{ x }}**{% endmacro %}{{ b(name) }} {{ [name] | join }}"
    )
    for name in TEXTS:
        assert made.render(name=name) == f"**{markdown.escaped(name)}** {markdown.escaped(name)}"


def test_a_block_of_code_ends_where_its_text_ends():
    for text in TEXTS:
        assert markdown2html(markdown.code(text, "yaml")).count("<pre") == 1
        assert tags(markdown2html(markdown.code(text)))[-1] in ("div", "pre", "/pre", "/div", "p")


@pytest.mark.parametrize("text", TEXTS)
def test_a_figure_draws_a_text_as_it_stands(text):
    ax = plt.subplots()[1]
    ax.set(title=text, xlabel=text, xscale="log", yscale="symlog")
    ax.bar([text, "b"], [1, 2], label=text)
    figures.plain_log(ax.xaxis, ax.yaxis)
    ax.figure.canvas.draw()
    assert ax.get_title() == text
    assert not any("math" in label.get_text() for label in ax.get_yticklabels())
    plt.close(ax.figure)


def test_cards_of_personas_and_stages_escape_names_needs_and_answers():
    name, other = TEXTS[0], TEXTS[1]
    cards = pd.DataFrame({"members": [3], "main_need": [other]}, index=pd.Index([name], name="persona"))
    bought = pd.DataFrame({"persona": [name], "category": [other], "lift": [2.0]})
    answered = pd.DataFrame({"persona": [name], "question": [name], "answer": [other], "more": [0.1], "asked": [9]})
    page = personas.cards(cards, bought, answered).to_html()
    rows = pd.DataFrame({"members": 1, "next": "at_risk", "goal": name, "action": other, "watch": other}, index=["new"])
    rows = rows.assign(value=1.0, mean_value=1.0, repurchase_rate=0.5, low=0.4, high=0.6, share=1.0, stays=0.5)
    page += lifecycle.strategy(rows.assign(next_share=0.5).rename_axis("stage")).to_html()
    assert "<script" not in page and "<img" not in page


def test_pages_load_nothing_and_run_nothing(tmp_path):
    outputs = [new_output("display_data", {"text/html": readable.styled(pd.DataFrame({"a": TEXTS})).to_html()})]
    cells = [new_markdown_cell("# Title\n\n" + markdown.escaped(TEXTS[0])), new_code_cell("1", outputs=outputs)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    page = pages.save_page(tmp_path / "a.ipynb", tmp_path / "a.html").read_text()
    assert "default-src 'none'" in page
    assert "<script src" not in page and "cdnjs" not in page and "import(" not in page
    assert "MathJax" not in page
