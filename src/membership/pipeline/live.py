"""`make live`: keep what is predicted now in `reports/live`, for comparison with the next period's outcomes."""

import sys

from membership.base import tables
from membership.base.errors import ProjectError
from membership.monitor import predictions


def main() -> int:
    """Add table `predictions` to those kept, in place of what was kept of the same day; return the exit status."""
    path = predictions.stored()
    try:
        new = tables.read("predictions")
        predictions.write(path, predictions.kept(predictions.read(path), new))
    except ProjectError as error:
        print(f"live: {error}", file=sys.stderr)
        return 1
    day, version = new["as_of"].iloc[0].date(), new["model_version"].iloc[0]
    print(f"{path}: what {version} expects of {len(new):,} members as of {day} is kept.")
    print("Next period: bring the new data, set windows.as_of in params.yaml to its first day, and run `make repro`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
