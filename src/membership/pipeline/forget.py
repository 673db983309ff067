"""`make forget MEMBER=...`: erase a member from all that is kept in this checkout, and say what is left.

Erased are the rows of the user's own files inside the project, of all tables in `data/`, of trials run by hand and of
runs in `.quick/` and `.replay/`, of DVC's cache, of `reports/private/` and `reports/live/`, of the packed models in
MLflow and of the log of live tests. Who is forgotten does not come back when the source delivers them again. First all
places are looked through, so that somebody who is nowhere changes nothing; a run that was broken off may be repeated.
"""

import argparse
import csv
import glob
import gzip
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from membership.base import files, paths, spreadsheet
from membership.base.errors import ParamError, ProjectError
from membership.data import forgotten, pseudonyms
from membership.pipeline import masks
from membership.settings import params
from membership.settings.dataset import Dataset, FileTable
from membership.trials import log


@dataclass(frozen=True)
class Place:
    """Rows of the member, called by one of `names`, in one file.

    `mapping`: of the user's own files, how they are read; `whole`: the file itself goes.
    """

    path: Path
    names: frozenset[str]
    rows: int
    mapping: FileTable | None = None
    whole: bool = False


def main(arguments: list[str] | None = None) -> int:
    """Forget the member on the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m membership.pipeline.forget", description=__doc__.split("\n")[0])
    parser.add_argument("member", help="an id of the source, or a pseudonym")
    try:
        print("\n".join(run(parser.parse_args(arguments).member)))
    except ProjectError as error:
        print(f"forget: {error}", file=sys.stderr)
        return 1
    return 0


def run(asked: str) -> list[str]:
    """Erase the member and return what was done and what is left, a line each.

    Raises ParamError where nobody of that id or pseudonym is anywhere; then nothing has changed.
    """
    if not asked.strip():
        raise ParamError("MEMBER: missing; name an id of the source or a pseudonym: `make forget MEMBER=...`.")
    p, root = params.parse(params.read()), paths.root()
    member = pseudonyms.find(asked)
    names = {member, pseudonyms.of(pd.Series([member])).iloc[0]}
    opened = _log(p.trials.log)
    found = [*_own(root, p.dataset, member), *_kept(root, names), *_cached(root, names)]
    logged = 0 if opened is None else int(opened.read()["member_id"].isin(names).sum())
    if not found and not logged:
        known = len(forgotten.among(pd.Series([member])))
        why = "was forgotten already, and nothing is left" if known else "is not in data/, the files, caches or logs"
        raise ParamError(f"MEMBER={asked}: {why}; nothing was changed.")
    forgotten.add(member)  # first: whoever is erased in part does not come back
    for place in found:
        _erase(place)
    told = [f"{each.path.relative_to(root)}: {'taken out' if each.whole else f'{each.rows:,} rows'}" for each in found]
    if opened is not None and logged:
        told.append(f"the log of live tests: {sum(opened.forget(name) for name in names):,} rows")
        opened.close()
    return [*told, *_left(root, p.dataset)]


def _own(root: Path, dataset: Dataset, member: str) -> Iterator[Place]:
    """Yield the user's own files inside the project that have rows of the member."""
    for mapping in _mappings(dataset):
        if "member_id" not in mapping.columns:
            continue
        for path in sorted(
            {Path(one) for each in mapping.paths for one in glob.glob(str(root / each), recursive=True)}
        ):
            inside = path.resolve().is_relative_to(root)
            rows = sum(gone for _, gone in _lines(path, mapping, member)) if inside else 0
            if rows:
                yield Place(path, frozenset({member}), rows, mapping)


def _kept(root: Path, names: set[str]) -> Iterator[Place]:
    """Yield tables by `member_id` of this run and of those beside it, and what was published, packed or tried of it."""
    roots = [root, root / ".quick", *sorted((root / ".replay").glob("*"))]
    folders = [base / name for base in roots for name in ("data", "reports/private", "reports/live")]
    folders += [root / "trials", root / "mlruns"]
    for path in (path for folder in folders for path in sorted(folder.rglob("*.parquet"))):
        called = _named(path, names)
        if rows := _rows(path, called):
            yield Place(path, frozenset(called), rows)


def _cached(root: Path, names: set[str]) -> Iterator[Place]:
    """Yield what DVC keeps inside the project with rows of the member."""
    for base in (root, root / ".quick", *sorted((root / ".replay").glob("*"))):
        for path in sorted((base / ".dvc" / "cache" / "files").rglob("*")):
            if path.is_file() and _holds(path, names):
                yield Place(path, frozenset(names), 0, whole=True)


def _holds(path: Path, names: set[str]) -> bool:
    with path.open("rb") as stream:
        begins = stream.read(4096)
    if begins[:4] == b"PAR1":
        return bool(_rows(path, names))
    head = begins.split(b"\n", 1)[0].decode("utf-8", "replace").split(",")
    return "member_id" in head and bool(spreadsheet.read(path)["member_id"].isin(names).any())


def _named(path: Path, names: set[str]) -> set[str]:
    """Return what the member is called in a table: in a packed scorer by its number, too."""
    folder = next((one for one in path.parents if (one / masks.NAMES).exists()), None)
    return names if folder is None else names | masks.numbers(folder, names)


def _rows(path: Path, names: set[str]) -> int:
    try:
        columns = [name for name in ("member_id", "pseudonym") if name in pq.read_schema(path).names]
        return int(_gone(pq.read_table(path, columns=columns), names).sum()) if columns else 0
    except (OSError, pa.ArrowInvalid):
        return 0  # no readable table: it tells nobody's rows


def _gone(table: pa.Table, names: Iterable[str]) -> pd.Series:
    column = table["member_id" if "member_id" in table.column_names else "pseudonym"]
    return pc.is_in(column.cast(pa.string()), pa.array(sorted(names), pa.string())).to_pandas()


def _erase(place: Place) -> None:
    if place.whole:
        place.path.unlink()
    elif place.mapping is not None:
        _erase_own(place)
    else:
        table = pq.read_table(place.path)
        gone = _gone(table, place.names)
        rows = pq.ParquetFile(place.path).metadata.row_group(0).num_rows
        kept = table.filter(pa.array(~gone))
        with files.whole(place.path) as temporary:
            pq.write_table(kept, temporary, compression="zstd", row_group_size=max(rows, 1))
        beside = place.path.with_suffix(".csv")
        if beside.exists():
            spreadsheet.write(beside, kept.to_pandas())


def _erase_own(place: Place) -> None:
    """Write the user's file anew without the member; all other lines stay as they stand."""
    path, mapping, (member,) = place.path, place.mapping, place.names
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        gone = [_same(cell, member) for cell in table[mapping.columns["member_id"]].to_pylist()]
        with files.whole(path) as temporary:
            pq.write_table(table.filter(pa.array([not one for one in gone])), temporary)
        return
    kept = [line for line, gone in _lines(path, mapping, member) if not gone]
    with files.whole(path) as temporary, _open(temporary, mapping, "wt", path.suffix == ".gz") as stream:
        stream.writelines(kept)


def _lines(path: Path, mapping: FileTable, member: str) -> Iterator[tuple[str, bool]]:
    """Yield each row of the user's file as it stands ("" of Parquet), and whether it is the member's."""
    theirs = mapping.columns["member_id"]
    if path.suffix == ".parquet":
        for cell in pq.read_table(path, columns=[theirs])[theirs].to_pylist():
            yield "", _same(cell, member)
        return
    with _open(path, mapping, "rt", path.suffix == ".gz") as stream:
        raw: list[str] = []

        def fed():
            for line in stream:
                raw.append(line)
                yield line

        at = None
        for row in csv.reader(fed(), delimiter=mapping.delimiter):
            gone = at is not None and len(row) > at and _same(row[at], member)
            if at is None:
                at = [cell.strip().removeprefix("\ufeff") for cell in row].index(theirs)
            yield "".join(raw), gone
            raw.clear()


def _open(path: Path, mapping: FileTable, mode: str, packed: bool):
    opened = gzip.open if packed else open
    return opened(path, mode, encoding=mapping.encoding, newline="")


def _same(cell: object, member: str) -> bool:
    """Say whether a cell is the member's id, also where a whole number went through a float."""
    text = "" if cell is None else str(cell).strip()
    return text == member or (text.endswith(".0") and text[:-2] == member)


def _log(url: str | None) -> log.Log | None:
    there = url or os.environ.get(log.URL) or Path(log.default().removeprefix("sqlite:///")).exists()
    return log.Log(url) if there else None


def _left(root: Path, dataset: Dataset) -> list[str]:
    """Return what still knows the member: the source, models until they are made anew, caches elsewhere."""
    told = ["Left:"]
    if dataset.source != "files":
        told.append(f"- the source {dataset.source!r}, from which the member is not read any more")
    given = _paths(root, _mappings(dataset))
    if outside := [one for one in given if not one.resolve().is_relative_to(root)]:
        told.append(f"- files outside the project, from which the member is not read any more: {outside[0]} and such")
    made = [path for path in sorted((root / "models").glob("*")) if path.exists()]
    if made:
        last = datetime.fromtimestamp(max(path.stat().st_mtime for path in made)).date()
        names = ", ".join(path.name for path in made)
        told.append(
            f"- models that learned from the member too, the last of {last}: {names}; `dvc repro` makes them anew"
        )
    if (cache := _cache(root)) is not None:
        told.append(f"- DVC's cache outside the project, {cache}: others may use it; `dvc gc` there")
    told += [
        "- sums over groups in pages and metrics, in MLflow runs before the next one, too",
        "- copies that were made elsewhere: backups, remotes of DVC, files given to others",
        "Run `dvc repro` now: all stages run anew without the member.",
    ]
    return told


def _mappings(dataset: Dataset) -> list[FileTable]:
    given = [*(mapping for _, mapping in dataset.files), dataset.consent]
    return [mapping for mapping in given if mapping is not None]


def _paths(root: Path, mappings: Iterable[FileTable]) -> list[Path]:
    patterns = [each for mapping in mappings for each in mapping.paths]
    return sorted({Path(one) for each in patterns for one in glob.glob(str(root / each), recursive=True)})


def _cache(root: Path) -> Path | None:
    """Return where DVC's cache is, if that is outside the project."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "cache", "dir"], cwd=root, capture_output=True, text=True, check=False
    )
    found = Path(done.stdout.strip()) if done.returncode == 0 and done.stdout.strip() else root / ".dvc" / "cache"
    return None if (root / found).resolve().is_relative_to(root.resolve()) else found


if __name__ == "__main__":
    sys.exit(main())
