"""`make rotate-key`: a new key, and the new pseudonyms in everything that is kept under the old ones.

That is `reports/private/`, `reports/live/` and the log of live tests; the served model is registered anew, its earlier
versions keep names that nothing leads back from. What is in `data/` (who was assigned to which arm) knows no pseudonym.
A run that was broken off is gone on with when started again: the new key waits beside the old one until all is done.
"""

import os
import sys
from pathlib import Path

import pandas as pd

from membership.base import files, paths, spreadsheet
from membership.base.errors import ParamError, ProjectError
from membership.data import pseudonyms
from membership.settings import params
from membership.trials import log


def main() -> int:
    """Rotate the key; return the exit status."""
    try:
        told = run()
    except ProjectError as error:
        print(f"rotate-key: {error}", file=sys.stderr)
        return 1
    print("\n".join(told))
    return 0


def run() -> list[str]:
    """Rotate the key and return what was done, a line each.

    Raises ParamError where a key in the environment has no successor there; the errors of files and the log.
    """
    root = paths.checkout()
    old, new = _keys(root)
    members = pseudonyms.known()
    names = dict(zip(pseudonyms.of(members, old), pseudonyms.of(members, new), strict=True))
    told = [line for path in _tables(root) if (line := _rename(path, names))]
    told += _rename_log(names)
    if not os.environ.get(pseudonyms.KEY):
        (root / pseudonyms.PENDING).replace(root / pseudonyms.FILE)
        told.append(f"{pseudonyms.FILE}: the new key is in use.")
    else:
        told.append(f"Now set {pseudonyms.KEY} to what {pseudonyms.NEW_KEY} is.")
    told.append(
        "The served model still has the old pseudonyms: `dvc repro --force --single-item decide` registers it anew."
    )
    return told


def _keys(root: Path) -> tuple[bytes, bytes]:
    """Return the key in use and the one to come; in files, the latter is made unless an earlier run did."""
    if text := os.environ.get(pseudonyms.KEY):
        coming = os.environ.get(pseudonyms.NEW_KEY)
        if not coming:
            raise ParamError(
                f"the key is in ${pseudonyms.KEY}: set ${pseudonyms.NEW_KEY} to the new one, run again, then move it."
            )
        keys = pseudonyms.from_text(text, pseudonyms.KEY), pseudonyms.from_text(coming, pseudonyms.NEW_KEY)
    else:
        if not (root / pseudonyms.PENDING).exists():
            pseudonyms.current()  # made, where there was none yet
        keys = pseudonyms.from_file(root / pseudonyms.FILE), pseudonyms.write_new(root / pseudonyms.PENDING)
    if keys[0] == keys[1]:
        raise ParamError("the new key is the old one: give another.")
    return keys


def _tables(root: Path) -> list[Path]:
    return [path for name in ("private", "live") for path in sorted((root / "reports" / name).rglob("*.parquet"))]


def _rename(path: Path, names: dict[str, str]) -> str | None:
    """Put new names into a table and the CSV beside it; return a line that says so, None where nobody is named."""
    frame, beside = pd.read_parquet(path), path.with_suffix(".csv")
    ours = {*names, *names.values()}
    if "member_id" not in frame or not frame["member_id"].isin(ours).any():
        return None
    strange = frame["member_id"].str.fullmatch(pseudonyms.PATTERN.pattern) & ~frame["member_id"].isin(ours)
    frame = frame.assign(member_id=frame["member_id"].map(lambda one: names.get(one, one)))
    frame = frame.sort_values("member_id", kind="stable", ignore_index=True)
    with files.whole(path) as temporary:
        frame.to_parquet(temporary, index=False, compression="zstd")
    if beside.exists():
        spreadsheet.write(beside, frame)
    left = f"; {strange.sum()} rows of members who are in data/ no more keep the old name" if strange.any() else ""
    return f"{path.relative_to(paths.checkout())}: renamed{left}."


def _rename_log(names: dict[str, str]) -> list[str]:
    url = params.parse(params.read()).trials.log
    if url is None and not Path(log.default().removeprefix("sqlite:///")).exists() and not os.environ.get(log.URL):
        return []
    opened = log.Log(url)
    try:
        return [f"the log of live tests: {opened.rename(names):,} rows renamed."]
    finally:
        opened.close()


if __name__ == "__main__":
    sys.exit(main())
