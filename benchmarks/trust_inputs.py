"""Malformed parameters, tables, policies and models: each ends in one message in words, or in a defined answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import trust_cases, trust_files, trust_models, trust_parameters
from benchmarks.trust_cases import Case


def measure(_: Path) -> list[dict[str, Any]]:
    """Return the table: a row a group; `wrong` names the cases that were not right."""
    return trust_cases.table(cases())


def cases() -> Iterator[Case]:
    """Yield every case."""
    for part in (trust_parameters, trust_files, trust_models):
        yield from part.cases()
