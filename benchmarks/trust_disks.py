"""A disk that is full: in data/, models/, reports/, DVC's cache and MLflow's artifacts, one after the other.

The folder lies in memory, as large as what is in it, seen by the stage alone (Linux, by root). Right is a message in
words, all that a stage had left before as it was, and a stage that ends, with the same metrics, once there is room.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import trust_market
from benchmarks.trust_kills import environment
from membership.base.errors import DataError

PLACES = {  # folder -> the stage that writes there; of DVC's cache by DVC
    "data": "features",
    "models": "lifecycle",
    "reports": "features",
    ".dvc/cache": "features",
    "mlruns": "features",
}
_PAGE = 4096  # bytes; a file takes whole ones
_FILLER = ".filler"
_KEPT = ("data", "models", "reports/metrics", "reports/plots")


def measure(work: Path) -> list[dict[str, Any]]:
    """Return the table for the project in `work`/market, which is made and run first where it is not there."""
    if os.geteuid() or shutil.which("unshare") is None:
        raise DataError("a disk that is full needs Linux and root; leave this part out with --only.")
    root, rows = trust_market.ready(work / "market"), []
    for place in PLACES:
        command = [sys.executable, "-m", "benchmarks.trust_disks", str(root), place]
        done = subprocess.run(["unshare", "--mount", *command], capture_output=True, text=True, check=False)
        wrong = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else [done.stderr[-500:]]
        what = f"disks: {place} is full: said, nothing lost, goes on"
        rows.append({"what": what, "tried": 1, "right": int(not wrong), "wrong": wrong})
    return rows


def tried(root: Path, place: str) -> list[str]:
    """Fill the disk under `place`, run its stage, make room, run it again; return what is not right."""
    folder, before, wrong = root / place, kept(root), []
    _in_memory(folder)
    full = _stage(root, place)
    said = full.stdout + full.stderr
    if place != "mlruns" and full.returncode == 0:
        return ["the disk was not full: nothing was tried"]
    if "Traceback" in said or not any(one in said for one in ("space", "room", "No space left")):
        wrong.append(f"no message in words: {said[-300:]}")
    if place != ".dvc/cache" and kept(root) != before:  # DVC removes outputs before a run
        wrong.append(f"not as before: {sorted(name for name, _ in before.items() ^ kept(root).items())[:5]}")
    subprocess.run(["mount", "-o", "remount,size=1G", str(folder)], check=True)
    again = _stage(root, place)
    if again.returncode or kept(root) != before:
        wrong.append(f"does not go on: {(again.stdout + again.stderr)[-300:]}")
    return wrong


def kept(root: Path) -> dict[str, str]:
    """Return a digest of every file that stages have left."""
    found = (path for name in _KEPT for path in sorted((root / name).rglob("*")))
    paths = [path for path in found if path.is_file() and path.name != _FILLER]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _in_memory(folder: Path) -> None:
    """Put `folder` on a disk in memory that what is in it fills."""
    with tempfile.TemporaryDirectory() as aside:
        shutil.copytree(folder, aside, dirs_exist_ok=True, symlinks=True)
        inside = list(Path(aside).rglob("*"))
        pages = sum(-(-path.stat().st_size // _PAGE) + 1 for path in inside)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={pages * _PAGE}", "tmpfs", str(folder)], check=True)
        shutil.copytree(aside, folder, dirs_exist_ok=True, symlinks=True)
        with contextlib.suppress(OSError), (folder / _FILLER).open("wb", buffering=0) as filler:  # to the last page
            while filler.write(bytes(_PAGE)):
                pass


def _stage(root: Path, place: str) -> subprocess.CompletedProcess:
    stage = PLACES[place]
    alone = ["-m", "membership.pipeline.stage", stage]
    command = ["-m", "dvc", "repro", "--force", "--single-item", stage] if place == ".dvc/cache" else alone
    return subprocess.run(
        [sys.executable, *command], cwd=root, env=environment(root), capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=tried.__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("place", choices=PLACES)
    asked = parser.parse_args()
    sys.stdout.write(json.dumps(tried(asked.root, asked.place)) + "\n")
