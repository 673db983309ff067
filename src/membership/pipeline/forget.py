"""`make forget MEMBER=...`: erase a member from all that is kept in this checkout, and say what is left.

Erased are the rows of the user's own files inside the project, of all tables in `data/`, of trials run by hand and of
runs in `.quick/` and `.replay/`, of DVC's cache, of `reports/private/` and `reports/live/`, of the packed models in
MLflow and of the log of live tests. Pages, workbooks and audiences in which the pseudonym stands go as a whole, and are
made anew with the actions; elsewhere nobody's pseudonym takes its place. Ids that table `aliases` unites are one
member, and go together. Who is forgotten does not come back when the
source delivers them again, nor from DVC's cache. First all places are looked through, so that somebody who is nowhere
changes nothing; a run that was broken off may be repeated.
"""

import argparse
import os
import shutil
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from membership.base import files, paths, spreadsheet
from membership.base.errors import ParamError, ProjectError
from membership.data import forgotten, pseudonyms
from membership.data.sources import aliases
from membership.pipeline import whereabouts
from membership.pipeline.whereabouts import Place
from membership.settings import params
from membership.settings.dataset import Dataset
from membership.trials import log

_NOBODY = "m_" + "0" * 16  # whose pseudonym this is


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
    member = aliases.member(p.dataset, pseudonyms.find(asked))
    pseudonym = pseudonyms.of(pd.Series([member])).iloc[0]
    names = {member, pseudonym}
    opened = _log(p.trials.log)
    found = whereabouts.places(root, p.dataset, member, pseudonym)
    logged = 0 if opened is None else int(opened.read()["member_id"].isin(names).sum())
    if not found and not logged:
        known = len(forgotten.among(pd.Series([member])))
        why = "was forgotten already, and nothing is left" if known else "is not in data/, the files, caches or logs"
        raise ParamError(f"MEMBER={asked}: {why}; nothing was changed.")
    for each in aliases.of_member(p.dataset, member):
        forgotten.add(each)  # first: whoever is erased in part does not come back
    if (cache := _cache(root)) is not None:
        _uncached(cache, names)
    for place in found:
        _erase(place)
    told = [place.told(root) for place in found]
    if (study := paths.models("study")).exists():  # of other data from now on, so the search is never gone on with
        shutil.rmtree(study)
        told.append("models/study: the search that learned from the member too, taken out")
    if opened is not None and logged:
        told.append(f"the log of live tests: {sum(opened.forget(name) for name in names):,} rows")
        opened.close()
    return [*told, *_left(root, p.dataset, cache)]


def _uncached(cache: Path, names: set[str]) -> None:
    """Let DVC restore no run that made a file with rows of the member from a `cache` outside the project."""
    stored = [path for path in (cache / "files").rglob("*") if path.is_file()]
    held = {path.parent.name + path.name for path in stored if whereabouts.holds(path, names)}
    for run in (path for path in (cache / "runs").rglob("*") if path.is_file()):
        if any(one in run.read_text(encoding="utf-8") for one in held):
            run.unlink()


def _erase(place: Place) -> None:
    if place.whole:
        place.path.unlink()
    elif place.said:
        (pseudonym,) = place.names
        with files.whole(place.path) as temporary:
            temporary.write_bytes(place.path.read_bytes().replace(pseudonym.encode(), _NOBODY.encode()))
    elif place.mapping is not None:
        _erase_own(place)
    else:
        table = pq.read_table(place.path)
        gone = whereabouts.gone(table, place.names)
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
        gone = [whereabouts.same(cell, member) for cell in table[mapping.columns["member_id"]].to_pylist()]
        with files.whole(path) as temporary:
            pq.write_table(table.filter(pa.array([not one for one in gone])), temporary)
        return
    kept = [line for line, gone in whereabouts.lines(path, mapping, member) if not gone]
    with files.whole(path) as temporary, whereabouts.opened(temporary, mapping, "wt", path.suffix == ".gz") as stream:
        stream.writelines(kept)


def _log(url: str | None) -> log.Log | None:
    there = url or os.environ.get(log.URL) or Path(log.default().removeprefix("sqlite:///")).exists()
    return log.Log(url) if there else None


def _left(root: Path, dataset: Dataset, cache: Path | None) -> list[str]:
    """Return what still knows the member: the source, models until they are made anew, caches elsewhere."""
    told = ["Left:"]
    if dataset.source != "files":
        told.append(f"- the source {dataset.source!r}, from which the member is not read any more")
    if outside := [path for path, _ in whereabouts.own(root, dataset) if not path.resolve().is_relative_to(root)]:
        told.append(f"- files outside the project, from which the member is not read any more: {outside[0]} and such")
    if away := whereabouts.away(root, dataset):
        told.append(f"- {', '.join(away)}, from where the member is not read any more: take the member out there")
    made = sorted((root / "models").glob("*"))
    if made:
        names = ", ".join(f"{path.name} ({_day(path)})" for path in made)
        told.append(f"- models that learned from the member too: {names}; `dvc repro` makes them anew")
    if packed := sorted((root / "mlruns").glob("**/MLmodel"), key=lambda path: path.stat().st_mtime):
        told.append(
            f"- what {len(packed)} packed models in MLflow have learned, of {_day(packed[0])} to {_day(packed[-1])}: "
            "delete the versions that nobody serves; `dvc repro` registers a new one"
        )
    if cache is not None:
        told.append(f"- DVC's cache outside the project, {cache}: others may use it; `dvc gc` there")
    told += [
        "- sums over groups in pages and metrics, in MLflow runs before the next one, too",
        "- copies that were made elsewhere: backups, remotes of DVC, files given to others",
        "Run `dvc repro` now: all stages run anew without the member.",
    ]
    return told


def _day(path: Path) -> date:
    return datetime.fromtimestamp(path.stat().st_mtime).date()


def _cache(root: Path) -> Path | None:
    """Return where DVC's cache is, if that is outside the project."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "cache", "dir"], cwd=root, capture_output=True, text=True, check=False
    )
    found = Path(done.stdout.strip()) if done.returncode == 0 and done.stdout.strip() else root / ".dvc" / "cache"
    return None if (root / found).resolve().is_relative_to(root.resolve()) else found


if __name__ == "__main__":
    sys.exit(main())
