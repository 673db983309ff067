"""Which results depend on the processor, and do the pins hold them? `python -m benchmarks.kernels --out JSON`.

Each probe computes with one library in a fresh process under each setting; its results are compared bit by bit with
those under the pins of `membership.base.kernels`. Processors without AVX-512 are emulated where `qemu-x86_64` is
installed (Debian: `apt install qemu-user`).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from benchmarks.kernel_probes import PROBES
from membership.base import files, kernels
from membership.base.errors import DataError
from membership.base.progress import bar

PINNED = kernels.environment()
EMULATED = {"Intel": "Haswell-noTSX", "AMD": "EPYC-Rome"}  # AVX2 and no AVX-512
WITHOUT_AVX2 = {"NPY_DISABLE_CPU_FEATURES": f"X86_V3,{kernels.X86['NPY_DISABLE_CPU_FEATURES']}"}
OLDER = {"ATEN_CPU_CAPABILITY": "default", "OPENBLAS_CORETYPE": "Nehalem", **WITHOUT_AVX2}  # as on a machine of 2010
FALLS_IN_EMULATION = {"scikit learn"}  # numpy's sort of doubles ends QEMU 7.2; with its older kernels bits are the same
LIBRARIES = ("numpy", "scipy", "pandas", "torch", "scikit-learn", "pyarrow", "duckdb")


@dataclass(frozen=True)
class Setting:
    """Variables under which probes run, and a command that Python is run by."""

    variables: Mapping[str, str] = field(default_factory=lambda: PINNED)
    command: Sequence[str] = ()


def settings() -> dict[str, Setting]:
    """Return the settings by name, `pinned` first; those that need a program which is not installed are left out."""
    found = {
        "pinned": Setting(),
        "again": Setting(),
        "8 threads": Setting(PINNED | dict.fromkeys(kernels.ONE_THREAD, "8")),
        "older kernels": Setting(PINNED | OLDER),
        "no pins": Setting({}),
    }
    if shutil.which("taskset"):
        found["one core"] = Setting(command=("taskset", "-c", "0"))
    if emulator := shutil.which("qemu-x86_64"):
        for maker, processor in EMULATED.items():
            command = (emulator, "-cpu", processor, "-0", sys.executable)
            found[f"{maker}, AVX2"] = Setting(command=command)
            found[f"{maker}, AVX2, no pins"] = Setting(kernels.ONE_THREAD, command)
    return found


def hashes(probe: str, setting: Setting) -> dict[str, str]:
    """Return a hash of each result of `probe` under `setting`. Raises DataError where its process fails."""
    older = WITHOUT_AVX2 if "qemu" in "".join(setting.command) and probe in FALLS_IN_EMULATION else {}
    clean = {name: value for name, value in os.environ.items() if name not in PINNED}
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    done = subprocess.run(
        [*setting.command, os.path.realpath(sys.executable), "-m", "benchmarks.kernel_probes", probe],
        env={**clean, **setting.variables, **older, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DataError(f"{probe}: its process ended with status {done.returncode}: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def compare(probes: Sequence[str], under: Mapping[str, Setting]) -> pd.DataFrame:
    """Return a row each: probe, setting, results (how many), different (names of results), failed (why, or empty)."""
    rows = []
    for probe in bar(probes, "probes"):
        pinned = hashes(probe, under["pinned"])
        for name, setting in list(under.items())[1:]:
            row = {"probe": probe, "setting": name, "results": len(pinned), "different": [], "failed": ""}
            try:
                found = hashes(probe, setting)
                row["different"] = [key.split(": ")[1] for key in pinned if found[key] != pinned[key]]
            except DataError as error:
                row["failed"] = str(error)
            rows.append(row)
    return pd.DataFrame(rows)


def in_words(found: pd.DataFrame) -> str:
    """Return a table of probes by settings: `equal`, or how many results differ."""
    shown = found.assign(verdict=[_verdict(row) for row in found.itertuples()])
    table = shown.pivot_table(
        index=["probe", "results"], columns="setting", values="verdict", aggfunc="first", sort=False
    )
    return table.loc[:, list(dict.fromkeys(found["setting"]))].to_string(sparsify=False)


def _verdict(row) -> str:
    return "failed" if row.failed else f"{len(row.different)} differ" if row.different else "equal"


def main() -> None:
    """Run the probes, write the JSON, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--probes", choices=PROBES, nargs="+", default=list(PROBES))
    given = parser.parse_args()
    found = compare(given.probes, settings())
    versions = {name: version(name) for name in LIBRARIES}
    files.write_json(given.out, {"versions": versions, "rows": found.to_dict(orient="records")})
    sys.stdout.write(in_words(found) + "\n")


if __name__ == "__main__":
    main()
