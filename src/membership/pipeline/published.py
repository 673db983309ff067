"""`make actions`: table `actions` for the campaign tool, in `reports/private/`: by pseudonym, by id only where asked.

What is written there is about single members and depends on the key of the pseudonyms, so it is no output of DVC: the
stage `decide` ends with it, and so does `make repro` where that stage was restored.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from membership.base import absent, paths, tables
from membership.base.errors import ProjectError
from membership.evaluate import actions
from membership.report import downloads
from membership.report.site import members
from membership.settings import params

FOLDER = "private"  # under reports/


def main(arguments: list[str] | None = None) -> int:
    """Write the actions anew; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m membership.pipeline.published", description=__doc__.split("\n")[0])
    parser.add_argument("--original-ids", action="store_true", help="name members by the ids of the source")
    try:
        written = refresh(parser.parse_args(arguments).original_ids)
    except ProjectError as error:
        print(f"actions: {error}", file=sys.stderr)
        return 1
    print("\n".join(str(path.relative_to(paths.root())) for path in written) or "There are no actions for these data.")
    return 0


def refresh(original_ids: bool = False) -> list[Path]:
    """Write what table `actions` says and return the files; where it was not possible, what stood there goes."""
    folder, stored = paths.reports(FOLDER), tables.ALL["actions"].path()
    for path in paths.reports().glob("actions.*"):  # by id, of an earlier version
        path.unlink()
    if absent.reason(stored) is not None:
        for path in (*folder.glob("actions*"), *folder.glob("members*"), *folder.glob("audiences/*")):
            path.unlink()
        return []
    written = actions.publish(tables.existing("actions"), folder, original_ids)
    if original_ids:
        return written
    p = params.parse(params.read())
    written += downloads.write(pd.read_parquet(written[0]), folder, p.dataset.currency)
    page = members.write(folder, p.report.language)
    return [*written, page] if page else written


def stale() -> bool:
    """Say whether the table is there, and newer than what was written of it."""
    stored, written = tables.ALL["actions"].path(), paths.reports(FOLDER, "actions.csv")
    return stored.exists() and not (written.exists() and written.stat().st_mtime >= stored.stat().st_mtime)


if __name__ == "__main__":
    sys.exit(main())
