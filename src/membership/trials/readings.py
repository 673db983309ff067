"""Readings that were kept: what `make trial` left in reports/trials, for the decision."""

from typing import Any

from membership.base import files, paths


def read() -> list[dict[str, Any]]:
    """Return every reading.json that there is, by folder."""
    return [files.read_json(path) for path in sorted(paths.reports("trials").glob("*/reading.json"))]
