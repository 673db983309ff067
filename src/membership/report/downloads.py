"""The actions for tools: a workbook, an audience for each step of an action, and the schema of a row."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files as package
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from membership.base import files, spreadsheet, tables
from membership.base.columns import BOOL, FLOAT, INT
from membership.report.formats import CENTS

AMOUNTS = ("value", "value_low", "value_high", "residual_value", "spend_to_next")  # cents in the table, units here
SHARES = ("p_repurchase", "p_horizon", "propensity")
SHOWN = ("member_id", "tier", "stage", "persona", "item_1", "item_1_reason")  # of a member in an audience
_TYPES = {FLOAT: "number", INT: "integer", BOOL: "boolean"}
_LONGEST = 60  # characters of a file's name
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # in a workbook


def write(actions: pd.DataFrame, folder: Path, currency: str) -> list[Path]:
    """Write actions.xlsx, actions.schema.json and audiences/*.csv of `actions` to `folder`; return the files.

    Amounts of the workbook are in units of `currency`. Audiences that nobody is in any more are removed.
    """
    written = [folder / "actions.xlsx", folder / "actions.schema.json"]
    with files.whole(written[0]) as temporary:
        _workbook(actions, currency).save(temporary)
    files.write_json(written[1], schema(actions))
    return written + _audiences(actions, folder / "audiences")


def schema(actions: pd.DataFrame) -> dict[str, Any]:
    """Return the JSON Schema of a row of table `actions`, as actions.csv and .parquet have it: amounts in cents."""
    fields = {}
    for name in actions:
        column = tables.ALL["actions"].columns.get(name)
        fields[name] = {"type": _TYPES.get(column.dtype, "string") if column else "string", "description": said(name)}
        if column:
            limits = {"minimum": column.low, "maximum": column.high, "enum": column.among and list(column.among)}
            fields[name] |= {key: limit for key, limit in limits.items() if limit is not None}
    common = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "actions", "type": "object"}
    return common | {"properties": fields, "required": list(fields)}


def audiences(actions: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each step that some next action has, such as "send a personal offer", and its members, a row each.

    Columns: those of SHOWN that there are, and `on`, the item that the step is on, "" for none.
    """
    steps = actions[["member_id", "next_action"]].assign(step=actions["next_action"].str.split("; ")).explode("step")
    parts = steps["step"].str.partition(": ")
    rows = actions[[name for name in SHOWN if name in actions]].merge(
        pd.DataFrame({"member_id": steps["member_id"], "step": parts[0], "on": parts[2]}), on="member_id"
    )
    for step, found in rows[rows["step"] != ""].groupby("step"):
        yield str(step), found.drop(columns="step").reset_index(drop=True)


def said(name: str) -> str:
    """Return what column `name` of the actions says; item_3_reason is described as item_reason."""
    return _said()[re.sub(r"_\d+", "", name)]


@cache
def _said() -> dict[str, str]:
    return yaml.safe_load(package("membership.report").joinpath("templates/actions_columns.yaml").read_text("utf-8"))


def _audiences(actions: pd.DataFrame, folder: Path) -> list[Path]:
    for old in folder.glob("*.csv"):
        old.unlink()
    written = []
    for number, (step, rows) in enumerate(audiences(actions), 1):
        name = re.sub(r"[^a-z0-9]+", "-", step.lower()).strip("-")[:_LONGEST]
        written.append(folder / f"{number:02d}-{name}.csv")
        spreadsheet.write(written[-1], rows)
    return written


def _workbook(actions: pd.DataFrame, currency: str) -> Workbook:
    book = Workbook(write_only=True)
    rows, words = book.create_sheet("Actions"), book.create_sheet("Columns")
    rows.freeze_panes = "B2"
    shown = actions.assign(**{name: actions[name] / CENTS for name in AMOUNTS if name in actions})
    rows.append([_cell(rows, name, bold=True) for name in shown])
    forms = ["#,##0.00" if name in AMOUNTS else "0.0%" if name in SHARES else None for name in shown]
    for row in shown.itertuples(index=False, name=None):
        rows.append([_cell(rows, value, form) for value, form in zip(row, forms, strict=True)])
    words.append([_cell(words, title, bold=True) for title in ("column", "what it says", "unit")])
    for name in shown:
        unit = currency if name in AMOUNTS else "share" if name in SHARES else ""
        words.append([_cell(words, text) for text in (name, said(name), unit)])
    return book


def _cell(sheet: Any, value: Any, form: str | None = None, bold: bool = False) -> Any:
    """Return a cell of `value`: text stays text, whatever it begins with; what Excel cannot hold is left out."""
    if not isinstance(value, str):
        if form is None or pd.isna(value):
            return None if pd.isna(value) else value
        cell = WriteOnlyCell(sheet, value)
        cell.number_format = form
        return cell
    cell = WriteOnlyCell(sheet, _ILLEGAL.sub("", value))
    cell.data_type = "s"
    if bold:
        cell.font = Font(bold=True)
    return cell
