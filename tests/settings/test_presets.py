"""Presets: a field's settings stand under params.yaml and over the defaults; what is wrong in one names its file."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from membership.base import graph
from membership.base.errors import ParamError
from membership.pipeline import beforehand
from membership.recommend import rules
from membership.recommend.baskets import Baskets
from membership.recommend.policy import Recommender
from membership.recommend.ranking import popular
from membership.settings import params, preset

REPOSITORY = Path(__file__).resolve().parents[2]
PRESETS = sorted(path.stem for path in (REPOSITORY / "presets").glob("*.yaml"))
LEAST = {
    "dataset": {"files": {"events": {"paths": ["a.csv"], "columns": {"member_id": "w", "kind": "k", "at": "t"}}}},
    "windows": {
        "start": "2020-01-01", "calibration_end": "2021-01-01", "validation_end": "2021-07-01",
        "holdout_end": "2022-01-01",
    },
}  # fmt: skip


@pytest.fixture
def written(workspace):
    """Write params.yaml, and presets by name."""

    def write(raw: dict, **presets: dict):
        (workspace / "params.yaml").write_text(yaml.safe_dump(raw))
        (workspace / "presets").mkdir(exist_ok=True)
        for name, content in presets.items():
            (workspace / "presets" / f"{name}.yaml").write_text(yaml.safe_dump(content))

    return write


@pytest.mark.parametrize("field", [None, *PRESETS])
def test_a_mapping_windows_and_a_field_are_all_that_any_stage_needs(written, field):
    own = {} if field is None else {field: yaml.safe_load((REPOSITORY / "presets" / f"{field}.yaml").read_text())}
    written(LEAST | {"field": field}, **own)
    beforehand.checked()
    for node in graph.nodes():
        assert params.load(node.name)


def test_a_line_of_params_goes_before_the_presets_which_goes_before_the_default(written):
    below = {"economics": {"comes_back": ["trip"], "repurchase_days": 90}, "lifecycle": {"new_days": 60}}
    written(LEAST | {"field": "travel", "economics": {"repurchase_days": 30}}, travel=below)
    p = params.parse(params.read())
    assert (p.economics.comes_back, p.economics.repurchase_days, p.economics.pays) == (
        ["trip"], 30, ["purchase", "return", "renewal"],
    )  # fmt: skip
    assert p.lifecycle.new_days == 60 and p.field == "travel"


def test_a_preset_may_change_a_part_of_one_strategy_and_leave_the_rest(written):
    written(LEAST | {"field": "x"}, x={"lifecycle": {"strategy": {"new": {"goal": "A second night"}}}})
    strategy = params.load("lifecycle").lifecycle.strategy
    assert strategy.new.goal == "A second night" and strategy.new.action and strategy.lapsed.goal


def test_what_was_merged_can_be_written_and_read_again(written):
    below = {"economics": {"comes_back": ["trip"]}, "value": {"horizon_days": 365}}
    written(LEAST | {"field": "travel"}, travel=below)
    whole = params.read()
    written(whole, travel=below)
    assert params.read() == whole


mappings = st.recursive(
    st.none() | st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
).filter(lambda found: isinstance(found, dict))


@given(mappings, mappings)
def test_merging_keeps_every_line_of_params_and_is_done_once(below, raw):
    merged = preset.under(below, raw)
    assert preset.under(below, merged) == merged
    assert preset.under({}, raw) == raw and preset.under(below, {}) == below
    assert merged.keys() == below.keys() | raw.keys()
    assert all(merged[key] == value for key, value in raw.items() if not isinstance(value, dict))


@pytest.mark.parametrize(
    ("field", "below", "said"),
    [
        ("nothing", {}, r"field = 'nothing': no such preset; there are: mine"),
        ("../params", {}, r"field = '../params': no such preset"),
        (["mine"], {}, r"field = \['mine'\]: no such preset"),
        ("mine", {"economics": {"tempo": 1}}, r"^presets/mine.yaml: economics.tempo = 1: unknown key"),
        ("mine", {"economics": {"comes_back": ["fly"]}}, r"^presets/mine.yaml: economics.comes_back.0 = 'fly'"),
        ("mine", {"windows": {"start": "2020-01-01"}}, r"^presets/mine.yaml: windows = .* no such key"),
        ("mine", {"tempo": 1}, r"^presets/mine.yaml: tempo = 1: a preset has no such key"),
    ],
)
def test_a_preset_that_cannot_be_is_one_message_that_says_where(written, field, below, said):
    written(LEAST | {"field": field}, mine=below)
    with pytest.raises(ParamError, match=said) as error:
        params.read()
    assert "\n" not in str(error.value)


def test_a_field_is_set_in_the_file_and_not_by_an_override(written):
    written(LEAST, mine={})
    with pytest.raises(ParamError, match="set it there"):
        params.load("value", {"field": "mine"})


def test_the_next_product_of_a_bank_is_none_that_the_member_has_held(written):
    written(LEAST | {"field": "finance"}, finance=yaml.safe_load((REPOSITORY / "presets/finance.yaml").read_text()))
    p = params.parse(params.read())
    items = pd.DataFrame({"item_id": ["account", "card", "loan", "savings"]})
    member, item, age = (np.array(row, dtype=np.int32) for row in ([0, 0, 1], [0, 1, 0], [1500, 10, 40]))
    known = Baskets(date(2024, 6, 1), np.array(["m", "n"]), items["item_id"].to_numpy(), member, item, item, age)
    ruled = rules.ruled(Recommender("popular", known, popular(known)), p.recommend.rules, items, known.cutoff)
    lists, _ = ruled.recommend(np.array(["m", "n"]), p.recommend.k)
    assert [sorted(filter(None, row)) for row in lists] == [["loan", "savings"], ["card", "loan", "savings"]]
