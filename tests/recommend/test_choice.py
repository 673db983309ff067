"""The choice after a search: noise keeps the stored settings, whatever its sign; a clear advantage replaces them."""

import shutil

import numpy as np
import pandas as pd
import pytest

from membership.recommend import choice, tune
from membership.recommend.attributes import ATTRIBUTES
from membership.recommend.challenger import Challenger
from membership.recommend.choice import Verdict
from membership.recommend.model import Settings
from membership.recommend.newcomers import newcomers
from membership.recommend.peers import registry

STORED, FOUND = Settings(0.01, 0.0, 0.1, 16), Settings(0.003, 0.1, 0.0, 64)
METRIC = "recall_at_5"


def judged(recall):
    return pd.DataFrame({"member_id": [f"m{n:04d}" for n in range(len(recall))], METRIC: recall})


def between(gain, spread=0.1, members=2000):
    """The choice where the best trial is better by exactly `gain` on average, with noise between members."""
    rng = np.random.default_rng(3)
    stored, noise = rng.random(members), rng.normal(0, spread, members)
    found = stored + noise - noise.mean() + gain
    return choice.between(STORED, FOUND, {STORED: judged(stored), FOUND: judged(found)}, METRIC, 0.95)


STAYS = Challenger("model", {}, pd.DataFrame())  # the model challenges


def left(settings, verdict):
    settings = vars(settings)
    return {"settings": settings, "verdict": verdict, "challenger": {"policy": "model", "settings": settings}}


@pytest.mark.parametrize("gain", [1e-9, -1e-9, 0.0, 0.001, -0.02])
def test_an_advantage_within_the_noise_keeps_the_stored_settings(gain):
    chosen = between(gain)
    assert chosen.settings == STORED and chosen.verdict == Verdict.KEPT
    assert chosen.gain == pytest.approx(gain, abs=1e-12) and chosen.low <= chosen.gain <= chosen.high
    assert chosen.plain(STAYS, {}) == left(STORED, "kept")


def test_a_clear_advantage_replaces_them():
    chosen = between(0.01)
    assert chosen.settings == FOUND and chosen.verdict == Verdict.REPLACED and chosen.low > 0
    assert chosen.plain(STAYS, {}) == left(FOUND, "replaced")
    assert chosen.judged[METRIC].mean() == pytest.approx(np.random.default_rng(3).random(2000).mean() + 0.01)


def test_the_same_advantage_of_few_members_is_noise():
    assert between(0.01, members=50).verdict == Verdict.KEPT
    assert between(0.01, members=1).verdict == Verdict.KEPT


def test_the_interval_is_that_of_the_mean_of_paired_differences():
    chosen = between(0.003)
    assert chosen.high - chosen.low == pytest.approx(2 * 1.961 * 0.1 / np.sqrt(2000), rel=0.05)


def test_where_the_stored_settings_are_the_best_trial_nothing_is_compared():
    chosen = choice.between(STORED, STORED, {STORED: judged([0.5, 0.25])}, METRIC, 0.95)
    assert chosen.verdict == Verdict.BEST and chosen.settings == STORED
    assert chosen.gain == chosen.low == chosen.high == 0


@pytest.fixture(scope="module")
def task(events, items, p):
    return tune.task(events, items, p)


@pytest.fixture(scope="module")
def searched(task, p, tmp_path_factory):
    """Parameters, the study and what was chosen, of a search of four trials."""
    few = p.model_copy(update={"tune": p.tune.model_copy(update={"trials": 4, "workers": 1})})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMBERSHIP_ROOT", str(tmp_path_factory.mktemp("search")))
        study = tune.search(task, few)
    return few, study, choice.choose(task, study, few)


def test_both_are_judged_as_their_trials_were(task, searched):
    p, study, chosen = searched
    history = tune.history(study, 4)
    assert chosen.stored == Settings(**p.train.settings.model_dump())
    assert chosen.gain == pytest.approx(history["recall"].max() - history["recall"][0], abs=1e-12)
    recall = history["recall"][0] if chosen.settings == chosen.stored else history["recall"].max()
    assert chosen.judged[task.metric].mean() == pytest.approx(recall, abs=1e-12)


def test_a_model_that_a_trial_has_kept_is_the_one_that_training_it_anew_gives(task, searched, workspace):
    p, _, _ = searched
    two = p.model_copy(update={"tune": p.tune.model_copy(update={"workers": 2})})
    study = tune.search(task, two)
    kept = workspace / "models" / "study" / study.study_name
    complete = tune.history(study, 4).dropna(subset="recall")["trial"]
    assert sorted(folder.name for folder in kept.iterdir()) == complete.astype(str).tolist()
    settings = Settings(**p.train.settings.model_dump())
    loaded = tune.trained(task, study, settings, p).logits(task.now.inputs)
    shutil.rmtree(kept)
    anew = tune.trained(task, study, settings, p).logits(task.now.inputs)
    assert np.allclose(anew, loaded, atol=1e-4)  # workers have pinned kernels, tests have not


def test_stored_settings_outside_of_the_space_are_compared_all_the_same(task, searched):
    p, study, _ = searched
    outside = p.train.settings.model_copy(update={"hidden": 5})
    p = p.model_copy(update={"train": p.train.model_copy(update={"settings": outside})})
    chosen = choice.choose(task, study, p)
    assert chosen.stored.hidden == 5 and chosen.found == tune.best(study, 4)[0]
    assert chosen.verdict == (Verdict.REPLACED if chosen.low > 0 else Verdict.KEPT)
    assert chosen.settings == (chosen.found if chosen.low > 0 else chosen.stored)


def test_peers_and_the_model_answer_the_same_question_by_the_same_metrics(task, searched, items):
    p, study, chosen = searched
    listed, left_out = choice.peer_lists(task, items, p)
    compared = choice.compare(task, chosen, listed)
    assert (
        not left_out
        and set(compared.index) == {*registry.names(), "model"}
        and compared[task.metric].is_monotonic_decreasing
    )
    names = ["recall_at_5", "ndcg_at_5", "hit_at_5", "repeat_recall_at_5", "explore_recall_at_5"]
    assert compared.columns.tolist() == names
    assert compared.loc["model", task.metric] == chosen.judged[task.metric].mean()
    assert compared.loc["gp_topfreq", task.metric] > compared.loc["g_topfreq", task.metric] > 0
    found = choice.summary(chosen, tune.history(study, 4), compared, task)
    assert {name: found[name] for name in names} == compared.loc["model"].to_dict()
    assert found["recall_at_5_tifuknn"] == compared.loc["tifuknn", task.metric] and "recall_at_5_model" not in found
    assert found["validation_members"] == len(task.targets.members)
    assert (found["trials_complete"], found["trials_pruned"]) == (4, 0)
    assert found["search_gain"] == chosen.gain and found["search_replaced"] == (chosen.settings != chosen.stored)
    assert choice.best_peer(compared, task.metric) == next(name for name in compared.index if name != "model")


def test_a_peer_that_the_data_do_not_allow_is_left_out_with_its_reason(task, items, p):
    bare = items.assign(**dict.fromkeys(ATTRIBUTES))
    listed, left_out = choice.peer_lists(task, bare, p)
    assert set(left_out) == {"content"} and "category" in left_out["content"]
    assert set(listed) == set(registry.names()) - {"content"}


def test_new_items_of_which_nothing_is_known_are_recommended_to_nobody(task, items):
    known, more = task.now.baskets, pd.DataFrame({"item_id": [*items["item_id"], "new"]})
    ids, _ = newcomers(known, more.assign(**dict.fromkeys(ATTRIBUTES)), {}).recommend(known.members, 3)
    assert (ids == "").all()
