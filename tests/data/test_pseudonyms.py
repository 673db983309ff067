"""Pseudonyms: what the key decides, what it does not, and what a wrong or lost one says."""

import os
import stat

import pandas as pd
import pytest

from membership.base import paths, tables
from membership.base.errors import DataError, ParamError
from membership.data import pseudonyms

IDS = ["10", "2", "é", "m_0123456789abcdef", "x y"]


@pytest.fixture
def root(workspace, monkeypatch):
    monkeypatch.delenv(pseudonyms.KEY, raising=False)
    tables.write("members", pd.DataFrame({"member_id": IDS, "joined_at": pd.NaT}))
    return workspace


def rows(members=IDS) -> pd.DataFrame:
    return pd.DataFrame({"member_id": members, "value": range(len(members))})


def test_a_pseudonym_is_rfc_2104_of_the_id():
    made = pseudonyms.of(pd.Series(["10"]), key=b"a key of sixteen")
    assert made.tolist() == ["m_" + PUBLISHED]


PUBLISHED = "d5379240efc7effd"  # openssl dgst -sha256 -hmac "a key of sixteen", of the text 10


def test_the_key_is_made_once_for_its_owner_alone(root):
    first = pseudonyms.current()
    assert pseudonyms.current() == first and stat.S_IMODE((root / pseudonyms.FILE).stat().st_mode) == 0o600


def test_what_is_masked_comes_back_and_is_sorted_by_what_tells_nothing(root):
    masked = pseudonyms.masked(rows())
    assert masked["member_id"].is_monotonic_increasing and not set(masked["member_id"]) & set(IDS)
    back = pseudonyms.unmasked(masked, "x").sort_values("value", ignore_index=True)
    pd.testing.assert_frame_equal(back, rows(), check_dtype=False)


def test_ids_and_strangers_stay_as_they_are(root):
    mixed = rows(["2", pseudonyms.of(pd.Series(["10"])).iloc[0], "nobody", "m_" + "0" * 16])
    assert pseudonyms.unmasked(mixed, "x")["member_id"].tolist() == ["2", "10", "nobody", "m_" + "0" * 16]


def test_another_key_gives_other_pseudonyms_and_what_was_written_by_the_first_is_refused_in_words(root, monkeypatch):
    masked = pseudonyms.masked(rows())
    monkeypatch.setenv(pseudonyms.KEY, "another key, as long")
    assert not set(pseudonyms.masked(rows())["member_id"]) & set(masked["member_id"])
    with pytest.raises(DataError, match="predictions: none of its 5 pseudonyms is of a member in data/ by this key"):
        pseudonyms.unmasked(masked, "predictions")


def test_a_member_is_found_by_id_and_by_pseudonym(root):
    for one in ("10", "é"):
        assert pseudonyms.find(pseudonyms.of(pd.Series([one])).iloc[0]) == pseudonyms.find(one) == one
    assert pseudonyms.find("nobody") == "nobody"


@pytest.mark.parametrize("text", ["", "short"])
def test_a_key_that_is_too_short_is_refused(root, monkeypatch, text):
    (root / pseudonyms.FILE).write_text(text)
    with pytest.raises(ParamError, match=rf"{len(text)} characters; allowed: 16 and more"):
        pseudonyms.current()


def test_a_rotation_that_was_broken_off_has_to_be_finished(root):
    (root / pseudonyms.PENDING).write_text("0" * 64)
    with pytest.raises(DataError, match="run `make rotate-key`"):
        pseudonyms.current()


def test_files_have_the_users_umask(root):
    old = os.umask(0o027)
    try:
        path = tables.write("members", pd.DataFrame({"member_id": ["1"], "joined_at": pd.NaT}))
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 and paths.data() == path.parent
