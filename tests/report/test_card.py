"""The model card and the words of the search and the training render from stored numbers alone."""

import json

import pandas as pd
import pytest

from membership.base import files, paths
from membership.base.errors import DataError
from membership.recommend.challenger import Challenger
from membership.recommend.choice import Choice, Verdict
from membership.recommend.model import Settings
from membership.report import card, words

FACTS = {
    "as_of": "2017-12-01",
    "validation": "[2017-11-01, 2017-12-01)",
    "seed": 4711,
    "settings": {"learning_rate": 0.0123, "weight_decay": 0.001, "dropout": 0.1, "hidden": 8},
    "weights": 15617,
    "signals": ["alike", "own_count", "own_last", "item_trend", "group_rate"],
    "rows": 1034235,
    "rows_bought": 46117,
    "origins": 4,
    "losses": [0.0408, 0.0391],
    "recommend": {"k": 7, "explore": 0.5, "min_baskets": 3, "max_baskets": 50, "min_item_purchases": 17},
    "members": 2370,
    "catalogue": 13816,
    "lines": 834615,
    "baskets": 75853,
    "listed_items": 7.0,
    "expected_items": 1.234,
    "repeat_share": 0.97,
    "tradeoff": [
        {"explore": explore, "recall": recall, "repeat_recall": 0.4, "explore_recall": 0.002, "explore_share": 0.03,
         "explore_hit_share": 0.006, "coverage": 0.34}
        for explore, recall in ((0.0, 0.1926), (0.5, 0.1834))
    ],
    "reliability": [{"predicted": 0.0126, "observed": 0.0099, "low": 0.0092, "high": 0.0107, "pairs": 68220}],
    "calibration": {"calibration_error": 0.0028, "expected_over_bought_items": 1.01},
    "confidence": 0.95,
}  # fmt: skip


@pytest.fixture
def rendered(workspace):
    files.write_json(paths.data("training.json"), FACTS)
    return card.render()


def test_every_number_of_the_card_comes_from_the_stored_facts(rendered):
    for number in ("15,617", "1,034,235", "46,117", "0.0123", "4711", "2,370", "13,816", "75,853", "18.3%", "68,220"):
        assert number in rendered
    assert "0.0092 to 0.0107" in rendered and "1.01 items" in rendered
    assert all(f"`{name}" in rendered or f", {name}" in rendered for name in FACTS["signals"])


def test_the_value_of_explore_in_use_is_marked_once(rendered):
    assert [line for line in rendered.splitlines() if "(in use)" in line] == [
        "| 0.5 (in use) | 0.1834 | 0.0020 | 3.0% | 0.6% | 34% |"
    ]


def test_tables_of_the_card_have_a_row_for_each_fact(rendered):
    lines = [line for line in rendered.splitlines() if line.startswith("|")]
    assert len(lines) == (2 + 4) + (2 + 1) + (2 + 2)
    assert "\n\n\n" not in rendered and rendered.endswith("\n")


def test_the_card_is_the_same_for_the_same_facts_and_says_what_is_missing(rendered, workspace):
    assert card.render() == rendered
    paths.data("training.json").unlink()
    with pytest.raises(DataError, match=r"training.json: no such file; run `dvc repro`"):
        card.render()


@pytest.mark.parametrize("policy", ["model", "stack", "heads"])
@pytest.mark.parametrize("verdict", Verdict)
def test_what_the_search_chose_renders_for_every_verdict_and_challenger(verdict, policy):
    stored, found = Settings(0.01, 0.0, 0.1, 16), Settings(0.003, 0.1, 0.0, 64)
    chosen = Choice(stored, None, verdict, stored, found, 0.0012, -0.0004, 0.0028)
    metrics = {"recall_at_7": 0.1926, "recall_at_7_ease": 0.1819, "validation_members": 1981}
    said = words.render(
        "search", chosen=chosen, settings=vars(chosen.settings), found=vars(found), confidence=0.95, metrics=metrics,
        metric="recall_at_7", peer="ease", k=7, left_out={"content": "no item has a category."},
        challenger=Challenger(policy, {}, pd.DataFrame({"gain": 0.034, "low": -0.01}, index=["stack", "heads"])),
    )  # fmt: skip
    assert ("3.4%" in said) == (policy != "model") and "`content`" in said
    assert "19.3%" in said and "18.2%" in said and "1,981 members" in said and "hidden 16" in said
    assert ("-0.0004 to +0.0028" in said) == (verdict != Verdict.BEST)


def test_what_the_training_says_is_its_facts():
    said = words.render("training", facts=json.loads(json.dumps(FACTS)))
    assert "1.23" in said and "97%" in said and "1,034,235 rows" in said and "0.0408" in said
