"""What leaves data/ is looked through: ids are found however they are packed, numbers are not taken for them."""

import gzip
import json
import sqlite3
import zipfile

import nbformat
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from membership.base import tables
from membership.data import pseudonyms
from membership.pipeline import scan

IDS = [*map(str, range(1, 61)), "anna.maier@example.org"]


@pytest.fixture
def root(workspace):
    tables.write("members", pd.DataFrame({"member_id": IDS, "joined_at": pd.NaT}))
    for name in ("reports/private", "reports/notebooks", "models/next", "mlruns/1", "trials/value/data"):
        (workspace / name).mkdir(parents=True)
    return workspace


def found(root) -> set[tuple[str, str]]:
    return {(each.path.name, str(each.what)) for each in scan.scan(root)[0]}


def frame(ids=IDS[:30]) -> pd.DataFrame:
    return pd.DataFrame({"member_id": ids, "value": range(len(ids))})


def page(table: pd.DataFrame) -> str:
    return f"<html><body>{table.to_html()}</body></html>"


def notebook(table: pd.DataFrame) -> str:
    cell = nbformat.v4.new_code_cell("x")
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": table.to_html()})]
    return nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))


def database(path, name="member_id"):
    with sqlite3.connect(path) as connection:
        frame().rename(columns={"member_id": name}).to_sql("x", connection)


def packed(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("page.html", page(frame()))


LEAKS = {
    "reports/a.html": lambda path: path.write_text(page(frame())),
    "reports/a.html.gz": lambda path: path.write_bytes(gzip.compress(page(frame()).encode())),
    "mlruns/1/a.zip": packed,
    "reports/notebooks/a.ipynb": lambda path: path.write_text(notebook(frame())),
    "reports/private/a.csv": lambda path: frame().to_csv(path, index=False),
    "mlruns/1/a.parquet": lambda path: frame().to_parquet(path),
    "mlflow.db": database,
    "trials.db": database,
    "models/next/model.json": lambda path: path.write_text(json.dumps({"a": {"histories": {one: [1] for one in IDS}}})),
    "models/next/list.json": lambda path: path.write_text(json.dumps({"a": [*IDS[:40]]})),
    "models/next/key.json": lambda path: path.write_text(json.dumps([{"member_id": "7"}])),
    "models/next/a.safetensors": lambda path: save_file({"x": np.zeros(2)}, path, {"of": "anna.maier@example.org"}),
    "reports/said.md": lambda path: path.write_text("The best of all is member '17'."),
    "reports/mail.svg": lambda path: path.write_text("<svg><text>anna.maier@example.org</text></svg>"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_an_id_is_found_wherever_it_stands(root, name):
    LEAKS[name](root / name)
    assert found(root) == {((root / name).name, "ids of members")}


def test_numbers_are_no_ids_and_pseudonyms_are_none(root):
    pseudonyms.masked(frame()).to_csv(root / "reports" / "private" / "actions.csv", index=False)
    pd.DataFrame({"epoch": range(1, 50), "loss": 0.5}).to_csv(root / "reports" / "plot.csv", index=False)
    (root / "reports" / "metrics.json").write_text(json.dumps({"orders": 12, "k": "5"}))
    (root / "reports" / "summary.md").write_text("On 17 members, member by member, 3 of 10.")
    frame().to_parquet(root / "trials" / "value" / "data" / "value.parquet")
    assert found(root) == set()
    assert scan.main() == 0


def test_ids_that_were_asked_for_are_told_and_no_finding(root, capsys):
    frame().to_csv(root / "reports" / "private" / "actions_original_ids.csv", index=False)
    assert scan.main() == 0
    assert "actions_original_ids.csv: ids of the source, as was asked for" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["reports/a.html", "reports/notebooks/a.ipynb", "reports/a.csv", "reports/a.md"])
def test_a_group_that_is_too_small_is_found(root, name, capsys):
    groups = pd.DataFrame({"tier": list("abc"), "members": [3, 40, 70], "value": [11, 22, 33]})
    write = {
        ".html": lambda: page(groups),
        ".ipynb": lambda: notebook(groups),
        ".csv": lambda: groups.to_csv(index=False),
        ".md": lambda: "| tier | members |\n|:--|--:|\n| a | 3 |\n| b | 40 |\n",
    }
    (root / name).write_text(write[(root / name).suffix]())
    assert found(root) == {((root / name).name, "a group below k")}
    assert scan.main() == 1 and (root / name).name in capsys.readouterr().out


def test_the_same_content_twice_is_told_once(root):
    for name in ("reports/a.html", "mlruns/1/a.html"):
        (root / name).write_text(page(frame()))
    assert len(scan.scan(root)[0]) == 1
