import designed_market
import nbformat
import pytest
from nbclient import NotebookClient

from membership.base import paths

NOTEBOOK = paths.root() / "notebooks" / "explore" / "tier_designer.ipynb"


@pytest.mark.slow
def test_the_tier_designer_runs_without_a_person_and_concludes(workspace):
    designed_market.write()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cell = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    cell.source = f"overrides = {designed_market.OVERRIDES!r}"
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": workspace}}).execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    assert outputs[-1].data["text/markdown"]
    assert any("application/vnd.jupyter.widget-view+json" in out.get("data", {}) for out in outputs)
    assert not [out for out in outputs if out.output_type in ("stream", "error")]
