"""The pins: with them a stage computes the same bits whatever the processor offers and however many cores there are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from membership.base import kernels

ROOT = Path(__file__).resolve().parents[2]
PROBES = ["numpy functions", "numpy algebra", "torch training"]
OTHER = {  # what somebody's shell, or another processor, would have libraries choose
    "ATEN_CPU_CAPABILITY": "default",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3,X86_V4,AVX512_ICL,AVX512_SPR",
    "OMP_NUM_THREADS": "4",
    "OPENBLAS_NUM_THREADS": "4",
    "MKL_NUM_THREADS": "4",
}
ASKS = """
import json, threadpoolctl, torch, scipy.linalg
from numpy._core import _multiarray_umath as numpy
blas = [pool for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"]
print(json.dumps({
    "numpy": [name for name in numpy.__cpu_dispatch__ if numpy.__cpu_features__[name]],
    "blas": sorted({pool["architecture"] for pool in blas}),
    "torch": torch.backends.cpu.get_cpu_capability(),
    "threads": sorted({torch.get_num_threads(), *(pool["num_threads"] for pool in threadpoolctl.threadpool_info())}),
}))
"""
x86 = pytest.mark.skipif(not kernels.pinned(), reason="kernels are pinned on x86-64 with AVX2 alone")


def run(*arguments: str, **variables: str) -> dict:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    clean = {name: value for name, value in os.environ.items() if name not in kernels.environment()}
    done = subprocess.run(
        [sys.executable, *arguments], env={**clean, **variables, "PYTHONPATH": paths},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def hashes(**variables: str) -> dict[str, str]:
    return run("-m", "benchmarks.kernel_probes", *PROBES, **variables)


@x86
def test_libraries_do_as_the_pins_say():
    assert run("-c", ASKS, **OTHER | kernels.environment()) == {
        "numpy": ["X86_V3"], "blas": ["Haswell"], "torch": "AVX2", "threads": [1],
    }  # fmt: skip


@x86
def test_pinned_results_have_the_same_bits_and_other_kernels_would_have_others():
    pinned = hashes(**kernels.environment())
    masked = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD"}
    assert hashes(**OTHER | masked | kernels.environment()) == pinned
    assert hashes(**OTHER) != pinned


def test_where_there_is_no_avx2_only_threads_are_pinned(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert not kernels.pinned()
    assert kernels.environment() == kernels.ONE_THREAD
