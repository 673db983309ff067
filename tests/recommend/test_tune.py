"""The search: what it sees, and that it goes on where it was interrupted."""

import numpy as np
import pandas as pd
import pytest
from small_market import market, table

from membership.base import params
from membership.base.errors import DataError, ParamError
from membership.recommend import policy, tune


@pytest.fixture(scope="module")
def task(events, items, p):
    return tune.task(events, items, p)


class Killed(BaseException):
    """Stands for the kill of the process."""


def kill_after(number):
    def on_trial(done, *_):
        if done == number:
            raise Killed

    return on_trial


def test_a_study_that_was_killed_ends_as_one_that_was_not(task, p, workspace, monkeypatch, tmp_path_factory):
    whole = tune.history(tune.search(task, p), p.tune.trials)
    other = tmp_path_factory.mktemp("other")
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(other))
    with pytest.raises(Killed):
        tune.search(task, p, on_trial=kill_after(1))
    name = tune.open_study(task, p).study_name
    tune.open_study(task, p).ask()  # a trial that was running when the process was killed
    with (other / "models" / "study" / f"{name}.log").open("a") as journal:
        journal.write('{"op_code": 4, "half a li')  # and what it was writing
    heard = []
    resumed = tune.search(task, p, on_trial=lambda *trial: heard.append(trial))
    pd.testing.assert_frame_equal(tune.history(resumed, p.tune.trials), whole)
    assert [number for number, *_ in heard] == [0, 1, 2, 3]
    assert heard[0][3] == "COMPLETE" and heard[0][2] == whole["recall"][0]


def test_a_finished_study_is_not_searched_again_and_more_trials_extend_it(task, p, workspace):
    first = tune.history(tune.search(task, p), p.tune.trials)
    longer = p.model_copy(update={"tune": p.tune.model_copy(update={"trials": 5})})
    study = tune.search(task, longer)
    pd.testing.assert_frame_equal(tune.history(study, p.tune.trials), first)
    assert len(tune.history(study, 5)) == 5
    assert len(tune.finished(tune.search(task, p))) == 5


def test_another_question_never_goes_on_with_this_study(task, p, events, items, workspace):
    name = tune.open_study(task, p).study_name
    space = p.tune.space.model_copy(update={"hidden": [8]})
    others = [
        p.model_copy(update={"seed": 1}),
        p.model_copy(update={"tune": p.tune.model_copy(update={"space": space})}),
        p.model_copy(update={"train": p.train.model_copy(update={"epochs": 3})}),
    ]
    fewer = tune.task(events.filter(events.member_id != "m00"), items, p)
    names = [tune.open_study(task, other).study_name for other in others] + [tune.open_study(fewer, p).study_name]
    assert len({name, *names}) == 5


def test_a_journal_that_is_none_is_named(task, p, workspace):
    name = tune.open_study(task, p).study_name
    journal = workspace / "models" / "study" / f"{name}.log"
    journal.write_text("something else\nand more\n")
    with pytest.raises(DataError, match=rf"{name}.log: not a study .* delete it and run `dvc repro tune`"):
        tune.open_study(task, p)


def test_a_full_disk_is_one_message_and_the_search_goes_on_later(task, p, workspace, monkeypatch):
    with monkeypatch.context() as patch:
        full = OSError(28, "No space left on device")
        patch.setattr(tune.JournalFileBackend, "append_logs", lambda *_: (_ for _ in ()).throw(full))
        with pytest.raises(DataError, match=r"study: the search cannot be recorded \(No space left on device\)"):
            tune.search(task, p)
    assert len(tune.finished(tune.search(task, p))) == p.tune.trials


def test_the_best_is_chosen_among_complete_trials_and_stored(task, p, workspace):
    study = tune.search(task, p)
    settings, recall = tune.best(study, p.tune.trials)
    assert recall == tune.history(study, p.tune.trials)["recall"].max() == study.best_value
    tune.save(settings, recall, task.k)
    assert tune.load() == settings
    (workspace / "models" / "tuned.json").write_text("{}")
    with pytest.raises(DataError, match=r"tuned.json: holds no settings of the model"):
        tune.load()


def test_the_holdout_is_not_looked_at(task, frame, items, p):
    later = market(seed=5)
    end = str(p.windows.validation_end)
    planted = table(pd.concat([frame[frame["local_at"] < end], later[later["local_at"] >= end]]))
    assert tune.task(planted, items, p).fingerprint() == task.fingerprint()


def test_training_rows_do_not_see_the_validation_window(task, frame, items, p):
    later = market(seed=5)
    end = str(p.windows.calibration_end)
    planted = tune.task(table(pd.concat([frame[frame["local_at"] < end], later[later["local_at"] >= end]])), items, p)
    assert np.array_equal(planted.samples.inputs, task.samples.inputs)
    assert np.array_equal(planted.samples.bought, task.samples.bought)
    assert (
        planted.targets.matrix.shape != task.targets.matrix.shape or (planted.targets.matrix != task.targets.matrix).nnz
    )


def test_peers_answer_the_same_question(task, events, items, p):
    compared = tune.compare(task, 0.5, events, items, p).set_index("policy")["recall"]
    assert set(compared.index) == set(policy.NAMES)
    assert compared["model"] == 0.5 and compared["gp_topfreq"] > compared["g_topfreq"] > 0


def test_an_empty_validation_window_is_an_error(frame, items, p):
    end = str(p.windows.calibration_end)
    with pytest.raises(DataError, match=r"validation window \[2024-06-01, 2024-07-01\): nothing can be chosen"):
        tune.task(table(frame[frame["local_at"] < end]), items, p)


@pytest.mark.parametrize("key, value", [("dropout.high", 1.0), ("learning_rate.low", 0.0), ("weight_decay.low", 0.5)])
def test_an_impossible_search_space_is_refused(key, value):
    scale = {"tune.space.learning_rate.scale": "linear"}
    with pytest.raises(ParamError, match=r"tune\.space"):
        params.parse(params.read(), scale | {f"tune.space.{key}": value})
