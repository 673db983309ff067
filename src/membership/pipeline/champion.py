"""`make promote` and `make rollback`: change `champion.json`, the policy that is live, and say what changed."""

import argparse
import sys

from membership.base import files, paths
from membership.base.errors import ProjectError
from membership.evaluate import decide


def main(arguments: list[str] | None = None) -> int:
    """Promote or roll back; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m membership.pipeline.champion", description=__doc__)
    parser.add_argument("change", choices=("promote", "rollback"))
    parser.add_argument("--force", action="store_true", help="promote although the decision is to keep the champion")
    options = parser.parse_args(arguments)
    path = paths.root() / "champion.json"
    try:
        live = files.read_json(path)
        if options.change == "promote":
            new = decide.promote(files.read_json(paths.data("decision.json")), live, force=options.force)
        else:
            new = decide.rollback(live)
    except ProjectError as error:
        print(f"{options.change}: {error}", file=sys.stderr)
        return 1
    files.write_json(path, new)
    print(f"champion.json: '{live['policy']}' -> '{new['policy']}': {new['reason']}")
    print("Commit it; the next `dvc repro` judges against it, and the MLflow alias `champion` follows.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
