"""The lock installs on Linux, macOS and Windows, with or without a GPU."""

import re
from pathlib import Path

LINES = (Path(__file__).resolve().parents[1] / "requirements.lock").read_text(encoding="utf-8").splitlines()
CUDA = re.compile(r"^(cuda|nvidia|triton|pytorch-triton)\b")
ONE_PLATFORM = {  # packages that exist for one platform alone, by the marker that keeps them there
    "appnope": "sys_platform == 'darwin'",
    "pywin32": "sys_platform == 'win32'",
    "pywinpty": "os_name == 'nt'",
    "waitress": "sys_platform == 'win32'",
}


def test_no_line_belongs_to_a_gpu_or_names_an_address():
    assert len(LINES) > 200
    assert [line for line in LINES if CUDA.match(line) or "://" in line or "+cpu" in line] == []


def test_every_line_pins_one_version_and_what_one_platform_needs_carries_its_marker():
    for line in LINES:
        pinned, _, marker = line.partition(" ; ")
        name, _, version = pinned.partition("==")
        assert version, line
        assert ONE_PLATFORM.get(name, "") in marker, line
    assert [line for line in LINES if line.startswith("torch==")] == ["torch==2.13.0"]
