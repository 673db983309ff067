"""What `make start` and ingest make of small files of other trades: `python -m benchmarks.first_look [--only NAME]`.

Each case of `first_look_files` and `first_look_others` is written into a fresh folder, started, and read as the
pipeline would; nothing is edited and no other stage runs. A case is right where all that `Truth` says comes out; the
exit status is 0 where all are. It takes a second or two a case.
"""

import argparse
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

from benchmarks import fields, first_look_files
from benchmarks.first_look_files import Truth
from benchmarks.first_look_others import OTHERS
from membership.base import files
from membership.base.errors import ProjectError
from membership.data import ingest
from membership.data.guessing.found import Told
from membership.pipeline import start
from membership.settings import params

_ROOT = Path(__file__).parents[1]
CASES = first_look_files.CASES | OTHERS


def main() -> int:
    """Try the cases asked for and print what is wrong of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=CASES, action="append", help="this case only; may be given again")
    parser.add_argument("--others", action="store_true", help="the newer ones only")
    parser.add_argument("--out", type=Path, help="JSON file to write: case -> what is wrong")
    given = parser.parse_args()
    found = {}
    for name in given.only or (OTHERS if given.others else CASES):
        with tempfile.TemporaryDirectory() as place:
            found[name] = wrong(name, Path(place))
        print(f"{name}: {'; '.join(found[name]) or 'right'}", flush=True)
    right = sum(not one for one in found.values())
    print(f"{right} of {len(found)} right")
    if given.out:
        files.write_json(given.out, found)
    return 0 if right == len(found) else 1


def wrong(name: str, place: Path) -> list[str]:
    """Start the case `name` in the folder `place`; return what was read of it and is not so."""
    raw, root = place / "files", place / "project"
    raw.mkdir()
    truth = CASES[name](raw, np.random.default_rng(zlib.crc32(name.encode())))
    shutil.copytree(_ROOT / "presets", root / "presets")
    for one in ("params.yaml", "dvc.yaml"):
        shutil.copy(_ROOT / one, root / one)
    with fields.at(root):
        try:
            start.run(sorted(map(str, raw.iterdir())), Told())
            return _differences(truth)
        except ProjectError as error:
            return [f"stopped: {' '.join(str(error).split())[:300]}"]
        except Exception as error:  # a fault of ours, which the other cases need not wait for
            return [f"failed: {error!r}"]


def _differences(truth: Truth) -> list[str]:
    """What params.yaml of the project's root, and ingest with it, say otherwise than `truth`."""
    raw = params.read()
    mapped = raw["dataset"]["files"]
    data = ingest.ingest(params.parse(raw)).data.held()
    events = data.events
    said = {
        "field": (raw.get("field"), truth.field),
        "tables": (frozenset(mapped), truth.tables),
        "members": (len(data.members), [truth.members]),
    }
    for dotted, allowed in truth.columns.items():
        table, part = dotted.split(".")
        said[dotted] = (mapped.get(table, {}).get("columns", {}).get(part), allowed)
    if truth.kinds is not None:
        said["kinds"] = (events["kind"].value_counts().to_dict(), [truth.kinds])
    if truth.cents is not None:
        said["cents"] = (int(events.loc[events["pays"], "amount"].sum()), [truth.cents])
    if truth.left is not None:
        said["left"] = (int(data.members["left_at"].notna().sum()) if "left_at" in data.members else 0, [truth.left])
    if truth.contracts is not None:
        said["contracts"] = (len(data.contracts), [truth.contracts])
    return [
        f"{what}: {_word(found)}, not {_word(allowed)}"
        for what, (found, allowed) in said.items()
        if found not in allowed
    ]


def _word(value: object) -> str:
    if isinstance(value, list | tuple):
        return " or ".join(map(_word, value))
    return "+".join(sorted(value)) if isinstance(value, frozenset) else str(value)


if __name__ == "__main__":
    sys.exit(main())
