"""One malformed input after another: how it is tried, and when what came of it is right.

Each case writes what it needs into an empty project, beside a good table that must stay as it is, and reads it by the
functions that the stages call. Right is a ProjectError of a few lines without a trace, a path outside the case or a
password, or an answer that the case defines; and no half-written file.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from membership.base import paths, tables
from membership.base.errors import ProjectError
from membership.data import ingest
from membership.settings import params

COLUMNS = {
    "event_id": "id", "member_id": "who", "item_id": "what", "kind": "kind", "at": "when", "quantity": "n",
    "amount": "paid",
}  # fmt: skip
_WINDOWS = {
    "windows.start": "2022-01-01", "windows.calibration_end": "2023-01-10", "windows.validation_end": "2023-01-20",
    "windows.holdout_end": "2023-02-05",
}  # fmt: skip
_OTHERS = {
    "survey": ("member_id", "question", "answer"),
    "offers": ("offer_id", "kind", "starts_at", "ends_at"),
    "exposures": ("exposure_id", "member_id", "offer_id"),
    "members": ("member_id", "joined_at"),
    "items": ("item_id", "name"),
}
LINES = 80  # of a message, at most
GOOD = b"an earlier run's table"
SECRET = "hush-hush"


@dataclass(frozen=True)
class Case:
    """One input: what `make` writes under a root, what `read` does with it, and which answers are right."""

    group: str
    name: str
    make: Callable[[Path], None]
    read: Callable[[], Any]
    answer: Callable[[Any], bool] | None = None  # whether what was returned is right; None: it must be refused


def table(tried: Iterable[Case]) -> list[dict[str, Any]]:
    """Return a row a group of the cases `tried`."""
    found = [(case.group, case.name, wrong(case)) for case in tried]
    rows = []
    for group in dict.fromkeys(group for group, _, _ in found):
        each = [(name, why) for one, name, why in found if one == group]
        bad = [f"{name}: {why}" for name, why in each if why]
        rows.append({"what": f"inputs: {group}", "tried": len(each), "right": len(each) - len(bad), "wrong": bad})
    return rows


def wrong(case: Case) -> str:
    """Try `case`; return what is not right, or nothing."""
    with _project() as root:
        case.make(root)
        before = _files(root)
        try:
            answer = case.read()
        except ProjectError as error:
            told = str(error)
            if SECRET in told:
                return "the password is shown"
            if not told.strip() or told.count("\n") >= LINES or "Traceback" in told:
                return f"no message in words: {told[:200]!r}"
        except BaseException as error:
            return f"{type(error).__name__}: {str(error)[:200]}"
        else:
            if case.answer is None or not case.answer(answer):
                return f"accepted: {str(answer)[:100]!r}"
        after = _files(root)
        left = {name for name in after if name not in before or before[name] != after[name]}
        return f"left {', '.join(sorted(left))}" if left else ""


@contextmanager
def _project() -> Iterator[Path]:
    """Yield an empty project with this one's parameters and a good table of an earlier run."""
    here, before = paths.root(), os.environ.get(paths.ROOT)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        (root / "data" / "raw").mkdir(parents=True)
        for name in ("params.yaml", "dvc.yaml", "champion.json"):
            shutil.copy(here / name, root / name)
        if (here / "presets").exists():
            shutil.copytree(here / "presets", root / "presets")
        (root / "data" / "members.parquet").write_bytes(GOOD)
        os.environ[paths.ROOT] = str(root)
        try:
            yield root
        finally:
            os.environ.pop(paths.ROOT)
            if before is not None:
                os.environ[paths.ROOT] = before


def _files(root: Path) -> dict[str, bytes]:
    each = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK))
    return {str(path.relative_to(root)): path.read_bytes() for path in each}


def ingested(
    file: str = "shop.csv", others: Mapping[str, tuple[str, ...]] | None = None, **more: Any
) -> Callable[[], Any]:
    """Return what stage ingest does with the tables under data/raw, all checked and none written.

    `others`: tables with other columns than _OTHERS has for them.
    """

    def read() -> Any:
        events = {"paths": [f"data/raw/{file}"], "columns": COLUMNS} | more
        found = {"events": events}
        for name, columns in (_OTHERS | dict(others or {})).items():
            if (paths.root() / "data" / "raw" / f"{name}.csv").exists():
                found[name] = {"paths": [f"data/raw/{name}.csv"], "columns": {one: one for one in columns}}
        changed = _WINDOWS | {"dataset.source": "files", "dataset.files": found, "economics.repurchase_days": 10}
        cleaned = ingest.ingest(params.load("ingest", changed))
        for name in ("members", "items", "events", "survey", "offers", "exposures"):
            tables.check(name, getattr(cleaned.data, name))
        return replace(cleaned, data=cleaned.data.held())

    return read


def put(path: Path, content: bytes) -> None:
    """Write `content` to `path`, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def folder_for(name: str) -> Callable[[Path], None]:
    """Return what makes a folder where the file `name` is."""

    def make(root: Path) -> None:
        (root / name).unlink(missing_ok=True)
        (root / name).mkdir(parents=True)

    return make
