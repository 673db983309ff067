"""What data cannot tell: a stage that was not possible leaves outputs that say why, and whoever reads them is told.

Every output is there, so the pipeline goes on: tables are empty and valid, other files hold the reason alone. Reading
one raises NotPossible with that reason, so stages that need it are not possible either, for the same reason.
"""

import json
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet as pq

from membership.base import files, spreadsheet
from membership.base.errors import NotPossible
from membership.base.files import NOT_POSSIBLE as KEY

_FILE = f"{KEY}.json"  # in a folder


def write(path: Path, reason: str, empty: pd.DataFrame | None = None) -> None:
    """Write the output `path` (a table, a JSON or text file, a folder) as one that says `reason`.

    `empty` has the columns of a table.
    """
    if path.suffix == ".parquet":
        frame = pd.DataFrame({KEY: pd.Series(dtype="str")}) if empty is None else empty
        told = pyarrow.Table.from_pandas(frame, preserve_index=False)
        told = told.replace_schema_metadata({**(told.schema.metadata or {}), KEY: reason})
        with files.whole(path) as temporary:
            pq.write_table(told, temporary, coerce_timestamps="us", compression="zstd")
    elif path.suffix == ".json":
        files.write_json(path, {KEY: reason})
    elif path.suffix == ".csv":
        spreadsheet.write(path, pd.DataFrame({KEY: [reason]}))
    elif path.suffix:
        files.write_text(path, f"Not possible with these data: {reason}\n")
    else:
        files.write_json(path / _FILE, {KEY: reason})


def reason(path: Path) -> str | None:
    """Return why the output `path` could not be made; None where it could, or where there is none."""
    if path.is_dir():
        return reason(path / _FILE)
    if not path.is_file():
        return None
    if path.suffix == ".parquet":
        try:
            told = pq.read_schema(path).metadata or {}
        except (OSError, pyarrow.ArrowInvalid):
            return None  # who reads it says what is wrong with it
        return told[KEY.encode()].decode() if KEY.encode() in told else None
    if path.suffix == ".json":
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            return None
        return told.get(KEY) if isinstance(told, dict) else None
    return None


def check(path: Path) -> None:
    """Raise NotPossible where the stage that makes `path` was not possible."""
    if (why := reason(path)) is not None:
        raise NotPossible(why)


def reasons(folder: Path, stages: list[str]) -> dict[str, str]:
    """Return stage -> why it was not possible, of those of `stages` whose metrics in `folder` say so."""
    found = {stage: reason(folder / f"{stage}.json") for stage in stages}
    return {stage: why for stage, why in found.items() if why is not None}
