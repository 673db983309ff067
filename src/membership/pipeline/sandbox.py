"""A copy of the project with other parameters, run from start to end: `make quick`, and the test of the pipeline.

The copy has its own tables, reports and DVC cache, so nothing of the checkout changes; its runs are logged beside the
checkout's own.
"""

import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from membership.base import paths
from membership.base.errors import ProjectError
from membership.pipeline import whereabouts
from membership.settings import params

_PARTS = (
    "notebooks", "presets", "src", "params.yaml", "dvc.yaml", "champion.json", "README.md", "reports/live",
    "reports/trials",
)  # fmt: skip
_LEFT_OUT = ("__pycache__", ".ipynb_checkpoints", "*.egg-info", "????-??-??")  # the last: runs of `make score`


def copy(to: Path, overrides: Mapping[str, Any]) -> Path:
    """Copy the project to `to`, an absent or earlier copy, with `overrides` set in its `params.yaml`; return `to`.

    Outputs of an earlier copy stay, so that a second run does only what changed. Raises ParamError before anything
    is copied where an override is unknown or impossible.
    """
    raw = params.read()
    checked = params.parse(raw, overrides)
    to.mkdir(parents=True, exist_ok=True)
    for part in _PARTS:
        source, target = paths.root() / part, to / part
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        elif source.exists():
            shutil.copy(source, target)
    uncounted = {"privacy.epsilon": None}  # a copy would spend it on the same people, and nobody would count it
    changed = params.override(raw, {**overrides, **uncounted})
    (to / "params.yaml").write_text(yaml.safe_dump(changed, sort_keys=False, allow_unicode=True), encoding="utf-8")
    _link(to, [path for mapping in whereabouts.mappings(checked.dataset) for path in mapping.paths])
    (to / ".dvc").mkdir(exist_ok=True)
    (to / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n")
    (to / ".dvcignore").write_text("__pycache__/\n.ipynb_checkpoints/\n")
    return to


def _link(to: Path, patterns: list[str]) -> None:
    """Let the user's own files, named by paths from the root, be found at the same paths in the copy."""
    root = paths.root()
    found = [Path(name) for pattern in patterns for name in glob.glob(str(root / pattern), recursive=True)]
    for file in (path for path in found if path.is_relative_to(root) and not path.is_relative_to(to)):
        link = to / file.relative_to(root)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(file)


def repro(folder: Path, *arguments: str, log: Path | None = None) -> subprocess.CompletedProcess:
    """Run `dvc repro` in `folder`; output goes where ours goes, or to the file `log`."""
    clean = {key: value for key, value in os.environ.items() if key not in {paths.ROOT, "PYTHONPATH"}}
    command = [sys.executable, "-m", "dvc", "repro", *arguments]
    if log is None:
        return subprocess.run(command, cwd=folder, env=clean, check=False)
    with log.open("w", encoding="utf-8") as output:
        return subprocess.run(command, cwd=folder, env=clean, check=False, stdout=output, stderr=subprocess.STDOUT)


def main() -> int:
    """Run the whole pipeline in `.quick/` with the overrides of `params.yaml: quick`."""
    try:
        folder = copy(paths.root() / paths.SANDBOX, params.parse(params.read()).quick)
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 1
    done = repro(folder)
    if done.returncode == 0:
        print(f"\nRead {folder}/reports/index.html; compare the runs with `make ui`.")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
