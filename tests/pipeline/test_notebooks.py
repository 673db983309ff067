"""The notebooks only report: no outputs, no functions, short cells, parameters in their own cell."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from membership.base import graph
from membership.base.schemas import ALL

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(ROOT.glob("notebooks/**/[!.]*.ipynb"))
STAGES = sorted(ROOT.glob("notebooks/[1-9]*.ipynb"))
BANNED = r"^\s*(def |class |import sys|while )|sys\.path|os\.chdir|filterwarnings|(?<![\w.])['\"]/"


def code(notebook: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_only_calls_and_shows(notebook):
    for cell in code(notebook):
        assert len(cell.splitlines()) <= 10, f"a cell of more than ten lines:\n{cell}"
        assert not re.search(BANNED, cell, re.MULTILINE), f"does not belong in a notebook:\n{cell}"
        assert not any(isinstance(node, ast.For | ast.While | ast.Lambda) for node in ast.walk(ast.parse(cell))), cell


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_in_git_has_no_outputs(notebook):
    """What git holds, not the working file: saving outputs in JupyterLab must not fail the suite."""
    import subprocess

    name = notebook.relative_to(ROOT).as_posix()
    staged = subprocess.run(["git", "show", f":{name}"], cwd=ROOT, capture_output=True, text=True, check=False)
    text = staged.stdout if staged.returncode == 0 else notebook.read_text(encoding="utf-8")
    for cell in nbformat.reads(text, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("notebook", STAGES, ids=lambda path: path.stem)
def test_a_stage_reads_its_parameters_from_params_yaml(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert tagged == ["overrides = {}"]
    stage = notebook.stem.split("_", 1)[1]
    assert any(f'params.load("{stage}", overrides)' in cell.source for cell in cells)
    assert cells[0].source.startswith("# ")


def test_every_notebook_is_a_stage_and_every_stage_has_a_notebook():
    import yaml

    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert [node.notebook for node in graph.nodes()] == STAGES
    assert {node.name for node in graph.nodes()} == set(stages) - {"fingerprint"}


@pytest.mark.parametrize("node", graph.nodes(), ids=lambda node: node.name)
def test_dvc_yaml_names_every_table_that_a_notebook_reads_or_writes(node):
    text = "\n".join(code(node.notebook))
    text = re.sub(r'(?:save\.plot|save_plot|metrics)\("\w+"', "", text)  # of the same names, but no tables
    written = set(re.findall(r'(?:tables\.write|save\.table)\("(\w+)"', text))
    read = {name for name in ALL if f'"{name}"' in text} - written - {node.name}
    assert {f"data/{name}.parquet" for name in written} <= set(node.outs)
    assert {f"data/{name}.parquet" for name in read} <= set(node.deps)


@pytest.mark.parametrize("node", graph.nodes(), ids=lambda node: node.name)
def test_a_stage_depends_on_its_fingerprint(node):
    assert f"data/code/{node.name}.json" in node.deps


def test_every_file_that_dvc_yaml_or_the_readme_names_exists():
    for node in graph.nodes():
        assert all((ROOT / name).exists() for name in node.deps if name.startswith("src/"))
    linked = re.findall(r"\]\((?!http|#)([^)#]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    made = ("reports/", "mlruns")
    assert linked
    assert [name for name in linked if not (ROOT / name).exists() and not name.startswith(made)] == []
