from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "explore" / "rounds_and_contracts.ipynb"


@pytest.mark.slow
def test_the_notebook_on_rounds_and_contracts_runs_anywhere_and_concludes(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    said = notebook.cells[-1].outputs[0].data["text/markdown"]
    assert "5 rounds" in said
    assert sum("image/png" in out.get("data", {}) for cell in notebook.cells for out in cell.get("outputs", [])) == 3
    assert not [out for cell in notebook.cells for out in cell.get("outputs", []) if out.output_type == "stream"]
