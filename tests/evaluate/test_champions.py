"""The champion is read with words for whoever broke it, and what was done to it is kept."""

import json
from datetime import UTC, datetime

import pytest

from membership.base import files
from membership.base.errors import DataError, ParamError
from membership.evaluate import champions

LIVE = {"policy": "gp_topfreq", "settings": {}, "reason": "the first control"}
MODEL = {"policy": "model", "settings": {"hidden": 8}, "reason": "better", "previous": LIVE}


def test_the_champion_of_the_project_is_read(workspace):
    assert champions.live() == json.loads((workspace / "champion.json").read_text())


def test_without_a_champion_the_next_step_is_named(workspace):
    (workspace / "champion.json").unlink()
    with pytest.raises(DataError, match=r"champion.json: there is no champion.*`git checkout champion.json`, or write"):
        champions.live()


def test_a_champion_that_is_no_json_is_refused(workspace):
    (workspace / "champion.json").write_text("gp_topfreq")
    with pytest.raises(DataError, match="not valid JSON"):
        champions.live()


@pytest.mark.parametrize(
    "broken", [[], {}, {"policy": 3, "settings": {}}, {"policy": "model"}, {"policy": "model", "settings": []}]
)
def test_a_champion_without_policy_or_settings_is_refused(workspace, broken):
    files.write_json(champions.path(), broken)
    with pytest.raises(DataError, match=r"a policy .* and its settings .* are needed"):
        champions.live()


def test_an_unknown_champion_is_refused_with_the_policies_there_are(workspace):
    files.write_json(champions.path(), {"policy": "oracle", "settings": {}})
    with pytest.raises(ParamError, match=r"'oracle' is unknown; there are: als, .*, model"):
        champions.live()


def test_a_promotion_is_logged_as_done_by_the_rule():
    line = champions.entry("promote", LIVE, MODEL, "It is better.")
    assert abs(datetime.fromisoformat(line.pop("at")) - datetime.now(UTC)).total_seconds() < 60
    assert line == {
        "change": "promote", "outcome": "done", "by": "rule", "before": "gp_topfreq", "after": "model",
        "reasons": "It is better.",
    }  # fmt: skip


@pytest.mark.parametrize(("change", "force", "by"), [("promote", True, "hand"), ("rollback", False, "hand")])
def test_what_a_person_decided_is_logged_as_done_by_hand(change, force, by):
    assert champions.entry(change, MODEL, LIVE, "", force)["by"] == by


def test_a_refusal_leaves_the_champion_as_it_was():
    line = champions.entry("promote", LIVE, None, "It is worse.")
    assert (line["outcome"], line["before"], line["after"]) == ("refused", "gp_topfreq", "gp_topfreq")


def test_the_log_only_grows(workspace):
    for number in range(3):
        champions.append({"change": number, "reasons": "für alle"})
    log = (workspace / "decisions.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line) for line in log.splitlines()] == [{"change": k, "reasons": "für alle"} for k in range(3)]


@pytest.mark.parametrize("previous", ["gp_topfreq", 5, ["x"], {"policy": "model"}])
def test_a_broken_champion_before_this_one_is_refused(workspace, previous):
    files.write_json(champions.path(), LIVE | {"previous": previous})
    with pytest.raises(DataError, match=r"a policy .* and its settings .* are needed"):
        champions.live()


def test_the_challenger_is_what_stage_tune_has_chosen_and_the_model_where_it_named_none(workspace):
    tuned, peer = workspace / "models" / "tuned.json", {"policy": "tifuknn", "settings": {}}
    files.write_json(tuned, {"settings": {"hidden": 8}, "challenger": peer})
    assert champions.challenger() == peer
    files.write_json(tuned, {"settings": {"hidden": 8}})
    assert champions.challenger() == {"policy": "model", "settings": {"hidden": 8}}


@pytest.mark.parametrize("broken", [[], {}, {"challenger": {"policy": "model"}}])
def test_a_challenger_that_is_none_is_refused(workspace, broken):
    files.write_json(workspace / "models" / "tuned.json", broken)
    with pytest.raises(DataError):
        champions.challenger()
