"""The same numbers on every processor: what holds libraries to kernels that each x86-64 machine with AVX2 has.

Libraries pick kernels by processor, and split sums by the number of threads; both move the last digits. A library reads
these variables when it is loaded, so they are set before the kernel of a stage starts. By hand:
`env $(python -m membership.base.kernels) jupyter lab`.
"""

import platform
import sys
from pathlib import Path

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
X86 = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch
    "MKL_CBWR": "COMPATIBLE",  # torch's matrix products and functions; any other value is ignored on AMD
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",  # linear algebra of numpy and scipy, which scikit-learn uses, too
    "NPY_DISABLE_CPU_FEATURES": "X86_V4,AVX512_ICL,AVX512_SPR",  # one that the machine lacks is no error
    "ARROW_USER_SIMD_LEVEL": "AVX2",
}


def environment() -> dict[str, str]:
    """Return the variables; where there is no AVX2, threads alone: to ask for it would end the process."""
    return ONE_THREAD | (X86 if pinned() else {})


def pinned() -> bool:
    """Say whether kernels are held here: whether this is an x86-64 machine with AVX2."""
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return False
    flags = Path("/proc/cpuinfo")  # of Linux; other systems on x86-64 are not asked
    return not flags.exists() or {"avx2", "fma"} <= set(flags.read_text(encoding="utf-8").split())


if __name__ == "__main__":
    sys.stdout.write(" ".join(f"{name}={value}" for name, value in environment().items()) + "\n")
