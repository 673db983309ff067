"""A packed scorer knows members by pseudonym alone, and what it answers does not depend on the key."""

import json

import numpy as np
import pandas as pd
import pytest

from membership.base import tables
from membership.base.errors import DataError
from membership.data import pseudonyms
from membership.pipeline import masks, scorer

KEYS = ("the first key of two", "the second key of two")


@pytest.fixture(scope="module")
def packed(batch, tmp_path_factory):
    """Two scorers of one batch run, hidden by two keys."""
    folders = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMBERSHIP_ROOT", str(batch))
        for key in KEYS:
            patched.setenv(pseudonyms.KEY, key)
            folders[key] = tmp_path_factory.mktemp("masked")
            scorer.pack(folders[key])
            scorer.pack_policy(folders[key], "champion", {"policy": "gp_topfreq", "settings": {}})
            masks.hide(folders[key])
    return folders


@pytest.fixture(autouse=True)
def root(batch, monkeypatch):
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(batch))


def answers(folder, key: str, now: str | None = None) -> list[dict]:
    ids = tables.read("members")["member_id"]
    asked = pseudonyms.of(ids, key.encode())
    found = scorer.Scorer(folder).answer(pd.DataFrame({"member_id": asked}), 3, now)
    assert [one.pop("member_id") for one in found] == asked.tolist()
    return found


@pytest.mark.parametrize("now", [None, "2017-12-09"])
def test_two_keys_give_the_same_answers(packed, now):
    first, second = (answers(folder, key, now) for key, folder in packed.items())
    for one, other in zip(first, second, strict=True):
        numbers = [{name: value for name, value in each.items() if isinstance(value, float)} for each in (one, other)]
        np.testing.assert_allclose(*(list(each.values()) for each in numbers), rtol=1e-12)
        assert json.dumps(one["items"]) == json.dumps(other["items"]) and one["tier"] == other["tier"]


def test_no_file_of_it_holds_an_id(packed):
    ids = set(tables.read("members")["member_id"])
    for path in packed[KEYS[0]].rglob("*.parquet"):
        frame = pd.read_parquet(path)
        for name in {"member_id", "number", "pseudonym"} & set(frame):
            assert not ids & set(frame[name]), path


def test_an_id_within_the_id_of_an_order_is_hidden_too(tmp_path):
    orders = ["anna 2024-02-01", "anna 2024-01-01", None, "ben 2024-01-01", "anna 2024-01-01"]
    members = ["anna", "anna", "anna", "ben", "anna"]
    pd.DataFrame({"member_id": ["anna", "ben"]}).to_parquet(tmp_path / "members.parquet")
    pd.DataFrame({"member_id": members, "order_id": orders}).to_parquet(tmp_path / "events.parquet")
    masks.hide(tmp_path)
    found = pd.read_parquet(tmp_path / "events.parquet")["order_id"]
    assert found.isna().tolist() == [False, False, True, False, False]
    assert found.dropna().rank(method="dense").tolist() == [2, 1, 3, 1] and not found.str.contains("a|b").any()


def test_who_is_asked_for_by_id_or_number_is_not_known(packed):
    ready = scorer.Scorer(packed[KEYS[0]])
    member = tables.read("members")["member_id"].iloc[0]
    with pytest.raises(DataError, match=f"unknown members: {member}"):
        ready.answer(pd.DataFrame({"member_id": [member]}), 3)
    with pytest.raises(DataError, match="allowed: pseudonyms of the batch run"):
        ready.answer(pd.DataFrame({"member_id": [f"{masks._INSIDE}000000001"]}), 3)
