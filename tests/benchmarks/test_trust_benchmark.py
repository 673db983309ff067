"""The benchmark of malformed input sees what is wrong, and a few cases of each group are right."""

import itertools

from benchmarks import trust_cases, trust_inputs
from benchmarks.trust_cases import Case
from membership.base import paths
from membership.base.errors import DataError


def nothing(root):
    pass


def refuse(words):
    def read():
        raise DataError(words)

    return read


def write_half():
    (paths.root() / "data" / "half.parquet").write_bytes(b"half")
    raise DataError("no room")


def lose():
    (paths.root() / "data" / "members.parquet").unlink()
    (paths.root() / "data" / "members.parquet").write_bytes(b"new")
    raise DataError("no room")


def test_what_is_not_right_is_seen():
    right = Case("a", "b", nothing, refuse("x.csv: no such column"))
    assert trust_cases.wrong(right) == ""
    for read in (dict, refuse(""), refuse("a\n" * 99), [].pop, write_half, lose):
        assert trust_cases.wrong(Case("a", "b", nothing, read))
    assert trust_cases.wrong(Case("a", "b", nothing, dict, lambda found: found == {})) == ""


def test_some_cases_of_each_group_are_right():
    by_group = itertools.groupby(trust_inputs.cases(), key=lambda case: case.group)
    tried = [case for _, group in by_group for case in itertools.islice(group, 0, 30, 15)]
    assert len(tried) > 10
    assert {case.name: why for case in tried if (why := trust_cases.wrong(case))} == {}
