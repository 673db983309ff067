from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

from membership.base.errors import DataError
from membership.value import worked_case

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "explore" / "rfm_worked_case.ipynb"
SETTINGS = worked_case.WorkedCase(members=6000)


@pytest.fixture(scope="module")
def known():
    return worked_case.customers(SETTINGS, np.random.default_rng(1))


def test_the_printed_table_gives_the_values_computed_by_hand():
    known = pd.DataFrame({"days_since_last": [182, 82], "purchase_days": [1, 5], "spend": [10.0, 200]})
    first = 0.5 * 0.5 + 0.3 * (0.02 + 0.6) + 0.2 * (0.3 + 0.7)
    second = 0.5 * (1 + 0.5) + 0.3 * (0.1 + 0.6) + 0.2 * (6 + 0.7)
    assert worked_case.printed(SETTINGS, known).tolist() == pytest.approx([first, second])


def test_customers_have_half_a_year_of_behaviour_and_a_future(known):
    assert len(known) == 6000
    assert known.notna().all(axis=None)
    assert known["days_since_last"].between(0, 182).all()
    assert known["purchase_days"].min() == 1
    assert (known["spend"] > 0).all()
    assert 0.2 < (known["spend_after"] > 0).mean() < 0.5


def test_nine_parameters_have_rank_four_whoever_the_customers_are(known):
    step = 1e-6
    for some in (known, known.head(50), known.tail(9)):
        columns = []
        for name in ("weights", "slopes", "offsets"):
            for part in range(3):
                values = list(getattr(SETTINGS, name))
                values[part] += step
                moved = worked_case.printed(replace(SETTINGS, **{name: values}), some)
                columns.append((moved - worked_case.printed(SETTINGS, some)) / step)
        slopes = np.column_stack(columns)
        assert np.linalg.matrix_rank(slopes / np.abs(slopes).max(axis=0), tol=1e-4) == 4


def test_another_table_with_the_same_values_differs_only_in_what_data_do_not_determine(known):
    table = worked_case.identification(SETTINGS)
    printed, another = (table[name].to_numpy() for name in ("printed", "another"))
    assert table["determined"].sum() == 4
    np.testing.assert_allclose(printed[table["determined"]], another[table["determined"]])
    assert (printed != another)[~table["determined"]].all()
    w, a, b = another[:9].reshape(3, 3).tolist()
    other = replace(SETTINGS, weights=w, slopes=a, offsets=b)
    np.testing.assert_allclose(worked_case.printed(other, known), worked_case.printed(SETTINGS, known))


def test_calibration_brings_the_size_right_and_hardly_changes_the_order(known):
    case = worked_case.calibrate(SETTINGS, known, np.random.default_rng(2))
    printed, calibrated = (case.comparison.loc[name] for name in (worked_case.PRINTED, worked_case.CALIBRATED))
    assert printed["bias"] < -0.9
    assert abs(calibrated["bias"]) < 0.2
    assert calibrated["rmse"] < 0.9 * printed["rmse"]
    assert calibrated["gini"] == pytest.approx(printed["gini"], abs=0.05)
    assert case.deciles.groupby("values")["members"].sum().tolist() == [3000, 3000]


def test_calibrated_parameters_are_those_of_the_model_for_the_same_r_f_m(known):
    case = worked_case.calibrate(replace(SETTINGS, clip_share=0.0), known, np.random.default_rng(2))
    w, a, b = (case.parameters[worked_case.CALIBRATED][letter].tolist() for letter in "wab")
    applied = worked_case.printed(replace(SETTINGS, weights=w, slopes=a, offsets=b), known)
    scores = case.model.scores(known)
    inside = ((scores > 0) & (scores < 1)).all(axis=1)
    np.testing.assert_allclose(
        applied[inside].clip(lower=0), case.model.predict(known, 182)[inside], rtol=1e-9, atol=1e-9
    )


def test_customers_who_never_come_back_cannot_be_calibrated_to(known):
    with pytest.raises(DataError, match="rises with none of recency, frequency and monetary value"):
        worked_case.calibrate(SETTINGS, known.assign(spend_after=0.0), np.random.default_rng(2))


@pytest.mark.slow
def test_the_notebook_on_the_worked_case_runs_anywhere_and_concludes(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    assert "nine parameters" in notebook.cells[-1].outputs[0].data["text/markdown"]
    assert not [out for cell in notebook.cells for out in cell.get("outputs", []) if out.output_type == "stream"]
