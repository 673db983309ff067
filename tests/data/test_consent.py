"""Who said no: read from the user's file, told apart by purpose, and kept by whoever asks."""

import pandas as pd
import pytest

from membership.base import tables
from membership.base.errors import DataError
from membership.data import consent
from membership.settings.dataset import Dataset

MAPPING = {"paths": ["said.csv"], "columns": {"member_id": "who", "purpose": "what", "allowed": "answer"}}
SAID = "who,what,answer\na,offers,no\na,offers,yes\nb,Offers,NO\nb,trials,0\nc,profiling,false\nnobody,offers,no\n"


def dataset(**more) -> Dataset:
    base = {"source": "simulate", "timezone": "UTC", "currency": "EUR", "max_members": None, "files": {}}
    return Dataset(**base | {"consent": MAPPING | more})


@pytest.fixture
def agreed(workspace) -> pd.DataFrame:
    (workspace / "said.csv").write_text(SAID)
    return consent.read(dataset(), pd.Series(list("abcd")))


def test_the_last_word_of_each_member_and_purpose_stands(agreed):
    rows = agreed.set_index(["member_id", "purpose"])["allowed"].to_dict()
    assert rows == {("a", "offers"): True, ("b", "offers"): False, ("b", "trials"): False, ("c", "profiling"): False}


def test_each_purpose_is_refused_by_itself_and_silence_is_no_refusal(agreed):
    frame = pd.DataFrame({"member_id": list("abcd"), "x": 1})
    kept = {name: consent.respected(frame, agreed, name)["member_id"].tolist() for name in consent.PURPOSES}
    assert kept == {"offers": list("acd"), "trials": list("acd"), "profiling": list("abd")}
    assert consent.respected(frame.set_index("member_id"), agreed, "offers").index.tolist() == list("acd")
    pd.testing.assert_frame_equal(consent.respected(frame, tables.empty("consent"), "offers"), frame)
    with pytest.raises(ValueError, match="there are: offers, trials, profiling"):
        consent.refused(agreed, "everything")


def test_without_a_mapping_nobody_has_said_anything(workspace):
    plain = dataset().model_copy(update={"consent": None})
    assert consent.read(plain, pd.Series(["a"])).empty and consent.stored().empty


@pytest.mark.parametrize(("cell", "said"), [("post,no", "purpose .*'post' in row 1"), ("offers,perhaps", "'perhaps'")])
def test_what_is_no_purpose_or_answer_is_refused_with_its_row(workspace, cell, said):
    (workspace / "said.csv").write_text(f"who,what,answer\na,{cell}\n")
    with pytest.raises(DataError, match=rf"said\.csv: .*{said}"):
        consent.read(dataset(), pd.Series(["a"]))
