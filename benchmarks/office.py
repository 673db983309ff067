"""CSV files opened by LibreOffice without a window: how many of their cells it takes for formulas.

It is asked to take what looks like one for one, as a person may who opens the file by hand.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

OFFICE = shutil.which("soffice")
_READ = "CSV:44,34,76,1,,0,false,true,false,false,false,0,true"  # commas, quotes, UTF-8; formulas are evaluated
_FORMULA = re.compile(r'table:formula="')
_SECONDS = 600


def formulas(paths: Sequence[Path], folder: Path) -> list[int]:
    """Return how many cells of each of `paths` are formulas; copies and what LibreOffice makes lie in `folder`."""
    named = [folder / f"{number}.csv" for number, _ in enumerate(paths)]
    for path, copy in zip(paths, named, strict=True):
        shutil.copy(path, copy)
    subprocess.run(
        [OFFICE, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", f"--infilter={_READ}",
         "--convert-to", "fods", "--outdir", str(folder), *map(str, named)],
        capture_output=True, check=True, timeout=_SECONDS,
    )  # fmt: skip
    return [len(_FORMULA.findall(copy.with_suffix(".fods").read_text(encoding="utf-8"))) for copy in named]
