"""The search: what it sees, and that neither its workers nor an interruption change what it finds."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import optuna
import pandas as pd
import pytest
from ordered_market import ordered_market
from small_market import SMALL, market, table

from benchmarks import ordered
from membership.base import files, handover, paths
from membership.base.errors import DataError, ParamError
from membership.recommend import studies, tune, workers
from membership.recommend.model import Settings
from membership.report.figures import recommend as plots
from membership.settings import params

TRIALS = 10
SEARCH = """
import json, os, signal, sys
from pathlib import Path
from membership.recommend import tune, workers
from membership.settings import params

folder = Path(sys.argv[1])
with open(folder / "handed", "rb") as file:
    task = workers._mapped(file.fileno(), int(sys.argv[2])).task
p = params.parse(json.loads((folder / "p.json").read_text()))
tune.search(task, p, on_trial=lambda *_: os.kill(os.getpid(), signal.SIGKILL))
"""


def knobs(**tuning):
    few = {"train.epochs": 4, "train.origins": 1, "train.negative_share": 0.5}  # rows: many trials learn from them
    changed = {"tune.trials": TRIALS, "tune.workers": 1} | {f"tune.{key}": value for key, value in tuning.items()}
    return params.parse(params.read(), SMALL | few | changed)


@pytest.fixture(scope="module")
def p():
    return knobs()


@pytest.fixture(scope="module")
def task(events, items, p):
    return tune.task(events, items, p)


@pytest.fixture(scope="module")
def study(task, p, tmp_path_factory):
    """The study that nothing has interrupted, of one worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMBERSHIP_ROOT", str(tmp_path_factory.mktemp("whole")))
        return tune.search(task, p)


@pytest.fixture(scope="module")
def whole(study):
    return tune.history(study, TRIALS)


def changed(p, **tuning):
    return p.model_copy(update={"tune": p.tune.model_copy(update=tuning)})


def stop_after(number):
    def on_trial(done, *_):
        if done == number:
            raise KeyboardInterrupt

    return on_trial


def journal_of(task, p, root):
    return root / "models" / "study" / f"{tune.open_study(task, p).study_name}.log"


def test_a_search_of_two_workers_stopped_by_ctrl_c_ends_as_that_of_one_that_was_not(task, p, whole, workspace):
    with pytest.raises(KeyboardInterrupt):
        tune.search(task, changed(p, workers=2), on_trial=stop_after(6))
    assert set(studies.finished(tune.open_study(task, p))) == set(range(8))  # two rounds
    pd.testing.assert_frame_equal(tune.history(tune.search(task, p), TRIALS), whole)


class Backwards(workers.Workers):
    """Its trials end in the opposite order, as those of workers of different speed may."""

    def play(self, jobs, heard):
        yield from super().play(reversed(list(jobs)), heard)


def test_the_order_in_which_trials_end_changes_nothing(task, p, whole, workspace, monkeypatch):
    monkeypatch.setattr(tune, "Workers", Backwards)
    pd.testing.assert_frame_equal(tune.history(tune.search(task, p), TRIALS), whole)


def test_a_search_that_was_killed_leaves_no_worker_and_ends_as_one_that_was_not(task, p, whole, workspace):
    with (workspace / "handed").open("wb") as file:
        head = handover.write(file, workers.Work(task, p.train, p.seed, p.device, workspace))
    (workspace / "p.json").write_text(json.dumps(changed(p, workers=2).plain()))
    killed = subprocess.run(  # ends when the last worker, which has its output too, has ended
        [sys.executable, "-c", SEARCH, workspace, str(head)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert killed.returncode == -signal.SIGKILL and "Traceback" not in killed.stderr
    assert set(studies.finished(tune.open_study(task, p))) == {0, 1, 2, 3}
    pd.testing.assert_frame_equal(tune.history(tune.search(task, p), TRIALS), whole)


def test_a_kill_within_a_round_or_while_writing_changes_nothing(task, p, study, whole, workspace):
    begun = tune.open_study(task, p)
    for number in (6, 1, 0, 3, 2):  # of the second round one trial only
        begun.add_trial(studies.finished(study)[number])
    with journal_of(task, p, workspace).open("a") as journal:
        journal.write('{"op_code": 4, "half a li')
    heard = []
    resumed = tune.search(task, p, on_trial=lambda *trial: heard.append(trial))
    pd.testing.assert_frame_equal(tune.history(resumed, TRIALS), whole)
    assert [number for number, *_ in heard] == list(range(TRIALS))
    assert heard[0][3] == "COMPLETE" and heard[0][2][-1] == whole["recall"][0]


def test_a_finished_study_is_not_searched_again_and_more_trials_extend_it(task, p, whole, workspace):
    tune.search(task, changed(p, trials=5))
    extended = tune.search(task, p)
    pd.testing.assert_frame_equal(tune.history(extended, TRIALS), whole)
    assert len(extended.trials) == TRIALS
    assert len(tune.search(task, changed(p, trials=5)).trials) == TRIALS


def test_a_trial_below_the_median_of_earlier_rounds_is_stopped_early(study, p):
    trials = studies.finished(study)
    states = [trial.state.name for trial in trials.values()]
    assert states[:4] == ["COMPLETE"] * 4 and "PRUNED" in states[4:]
    first = [trials[number].intermediate_values for number in range(4)]
    for number in range(4, 8):
        seen = trials[number].intermediate_values
        best = np.maximum.accumulate([seen[epoch] for epoch in seen])
        below = [best[epoch - 1] < np.median([one[epoch] for one in first]) for epoch in seen if epoch < p.train.epochs]
        assert (states[number] == "PRUNED") == any(below)
        assert len(seen) == (below.index(True) + 1 if any(below) else p.train.epochs)


def test_the_first_trial_has_the_stored_settings_as_far_as_the_space_has_them(whole, p):
    stored = p.train.settings.model_dump()
    assert whole.loc[0, list(stored)].to_dict() == stored
    space = p.tune.space.model_copy(update={"hidden": [8]})
    trial = tune._asked(0, [], changed(p, space=space))
    drawn = tune.suggest(trial, space)
    assert drawn.hidden == 8 and drawn.learning_rate == stored["learning_rate"]


def test_another_question_never_goes_on_with_this_study(task, p, events, items, workspace):
    name = tune.open_study(task, p).study_name
    others = [
        p.model_copy(update={"seed": 1}),
        changed(p, space=p.tune.space.model_copy(update={"hidden": [8]})),
        changed(p, round=3),
        p.model_copy(update={"train": p.train.model_copy(update={"epochs": 3})}),
    ]
    fewer = tune.task(events.filter(events.member_id != "m00"), items, p)
    names = [tune.open_study(task, other).study_name for other in others] + [tune.open_study(fewer, p).study_name]
    assert len({name, *names}) == 6
    assert tune.open_study(task, changed(p, workers=7, trials=1)).study_name == name


@pytest.mark.parametrize(
    "written",
    [
        b"something else\nand more\n",
        b"[]\n",
        b"{}\n",
        b'{"op_code": 77, "worker_id": "x"}\n',
        b'{"op_code": 0, "worker_id": "x"}\n',
        b"\x80\xff\x00\n\x00\n",
    ],
)
def test_a_journal_that_is_none_is_named(written, task, p, workspace):
    journal = journal_of(task, p, workspace)
    journal.write_bytes(written)
    with pytest.raises(DataError, match=rf"{journal.name}: not a study \(.+\); delete it and run `dvc repro tune`"):
        tune.open_study(task, p)


def test_a_journal_with_trials_of_something_else_is_named(task, p, workspace):
    tune.open_study(task, p).add_trial(optuna.trial.create_trial(value=0.5))
    with pytest.raises(DataError, match=r"not a study \(it has a trial without a number\)"):
        tune.search(task, p)


def test_a_full_disk_is_one_message_and_the_search_goes_on_later(task, p, whole, workspace, monkeypatch):
    with monkeypatch.context() as patch:
        full = OSError(28, "No space left on device")
        patch.setattr(studies.JournalFileBackend, "append_logs", lambda *_: (_ for _ in ()).throw(full))
        with pytest.raises(DataError, match=r"study: the search cannot be recorded \(No space left on device\)"):
            tune.search(task, p)
    pd.testing.assert_frame_equal(tune.history(tune.search(task, p), TRIALS), whole)


def alone(task, p):
    """Run one trial in a worker."""
    with workers.Workers(workers.Work(task, p.train, p.seed, p.device, paths.models("study")), 2) as team:
        return list(team.play([(7, Settings(**p.train.settings.model_dump()))], lambda *_: True))


def test_an_error_in_a_worker_is_reported_in_words(task, p):
    with pytest.raises(DataError, match=r"trial 7: RuntimeError: .*size.*; fix it, then run again: the sea"):
        alone(replace(task, now=replace(task.now, inputs=task.now.inputs[:, :2])), p)


@pytest.mark.parametrize(
    "worker, words",
    [
        (
            "import os; os.kill(os.getpid(), 9)",
            r"trial 7: its .* ended by SIGKILL.*lower tune\.workers \(now 2; 1 needs",
        ),
        ("raise SystemExit(3)", r"trial 7: its worker process ended with status 3; fix what it says above, then run"),
    ],
)
def test_a_worker_that_dies_is_reported_in_words(worker, words, task, p, monkeypatch):
    monkeypatch.setattr(workers, "SERVE", worker)
    with pytest.raises(DataError, match=words):
        alone(task, p)


def test_a_worker_that_cannot_be_started_is_reported_in_words(task, p, monkeypatch):
    monkeypatch.setattr(workers.sys, "executable", "/no/such/python")
    with pytest.raises(DataError, match=r"no worker process can be started \(.*No such file.*\); lower tune\.workers"):
        alone(task, p)


def test_workers_share_the_arrays_and_can_hold_them_on_their_own(task, p):
    file, head = workers._written(workers.Work(task, p.train, p.seed, p.device, paths.models("study")))
    with file:
        mapped = workers._mapped(file.fileno(), head)
        assert mapped.task.fingerprint() == task.fingerprint()
        assert not mapped.task.samples.inputs.flags.owndata and mapped.task.samples.inputs.flags.writeable
        mapped.task.samples.inputs[:] = 0
        assert workers._mapped(file.fileno(), head).task.fingerprint() == task.fingerprint()


def test_no_room_for_what_workers_share_is_one_message(task, p, workspace, monkeypatch):
    monkeypatch.setattr(workers.tempfile, "tempdir", str(workspace / "none"))
    with pytest.raises(DataError, match=r"none: no room for what tune\.workers share .*or tune\.workers to 1"):
        tune.search(task, changed(p, workers=2))


def test_machines_that_share_a_database_share_a_search(task, p, whole, workspace, tmp_path_factory, monkeypatch):
    shared = changed(p, storage=f"sqlite:///{workspace}/studies.db")
    with pytest.raises(KeyboardInterrupt):
        tune.search(task, shared, on_trial=stop_after(2))
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(tmp_path_factory.mktemp("another machine")))
    heard = []
    study = tune.search(task, shared, on_trial=lambda *trial: heard.append(trial))
    pd.testing.assert_frame_equal(tune.history(study, TRIALS), whole)
    assert len(study.trials) == TRIALS == len(heard)


def test_what_another_machine_has_taken_comes_last_and_what_it_has_finished_is_left_out(study):
    here = optuna.create_study()
    here.set_user_attr("taken 0", True)
    given = studies.take(here, range(4))
    assert [next(given), next(given)] == [1, 2]
    here.add_trial(studies.finished(study)[3])
    assert list(given) == [0]


def test_of_a_trial_that_two_machines_ran_the_first_counts(study):
    here = optuna.create_study(direction="maximize")
    first = studies.finished(study)[0]
    here.add_trials([first, replace_value(first, 0.0)])
    assert studies.finished(here)[0].value == first.value and tune.best(here, 1)[1] == first.value


def replace_value(trial, value):
    return optuna.trial.create_trial(value=value, user_attrs=trial.user_attrs)


@pytest.mark.parametrize(
    "storage, error, words",
    [
        ("nonsense", ParamError, r"tune\.storage = 'nonsense': cannot be used .* allowed: null"),
        ("nosuch://host/name", ParamError, r"cannot be used \(Can't load plugin: sqlalchemy.dialects:nosuch\)"),
        ("mysql://host/name", ParamError, r"its driver is not installed \(No module named 'MySQLdb'\)"),
        ("sqlite:////no/such/folder/studies.db", DataError, r"unable to open database file.*goes on from the last"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_message(storage, error, words, task, p, workspace):
    with pytest.raises(error, match=words):
        tune.search(task, changed(p, storage=storage))


def test_a_password_does_not_belong_into_params():
    with pytest.raises(ParamError, match=r"tune\.storage.*holds a password.*\.pgpass"):
        params.parse(params.read(), {"tune.storage": "postgresql://me:secret@host/studies"})
    assert knobs(storage="postgresql+psycopg://me@host:5432/studies").tune.storage


def test_the_best_is_taken_among_complete_trials(study, whole):
    settings, recall = tune.best(study, TRIALS)
    assert recall == whole["recall"].max()
    assert vars(settings) == whole.loc[whole["recall"].idxmax(), list(vars(settings))].to_dict()


def test_the_settings_in_use_are_read_back_and_a_broken_file_is_named(workspace):
    settings = Settings(0.01, 0.0, 0.1, 8)
    files.write_json(workspace / "models" / "tuned.json", {"settings": vars(settings)})
    assert tune.load() == settings
    (workspace / "models" / "tuned.json").write_text("{}")
    with pytest.raises(DataError, match=r"tuned.json: holds no settings of the model"):
        tune.load()


def test_every_trial_is_a_run_with_its_metric_settings_and_learning_curve(study, whole):
    learning = tune.learning(study, TRIALS)
    compared, settings, curves = tune.runs(whole, learning, "recall_at_5")
    assert compared.index.equals(settings.index) and compared.index[0] == "trial-000"
    assert compared.columns.tolist() == ["recall_at_5"]
    assert compared["recall_at_5"].tolist() == pytest.approx(whole["recall"].tolist(), nan_ok=True)
    assert (
        settings["state"].tolist() == whole["state"].tolist()
        and settings["hidden"].tolist() == whole["hidden"].tolist()
    )
    assert curves.columns.tolist() == ["recall_at_5_by_epoch"] and set(curves.index.levels[0]) == set(compared.index)
    assert curves.loc["trial-000"].squeeze().to_dict() == dict(_curve_of(learning, 0))


def _curve_of(learning, trial):
    return learning.loc[learning["trial"] == trial, ["epoch", "recall"]].to_numpy()


def test_importances_are_shares_and_need_four_complete_trials(study, p):
    shares = tune.importances(study, TRIALS, p.seed)
    assert set(shares.index) == set(type(p.tune.space).model_fields)
    assert shares.sum() == pytest.approx(1) and shares.is_monotonic_decreasing
    assert tune.importances(study, 3, p.seed).empty


def test_the_search_without_dates_is_judged_on_val_members_and_comes_out_the_same(p, workspace):
    market = ordered_market(members=90)
    learned, val = market.next.of(market.known.members[:60]), market.next.of(market.known.members[60:])
    chosen = ordered.search(market.known, learned, val, p, 3)
    assert chosen["learning_rate"] in p.tune.space.learning_rate and chosen["hidden"] in p.tune.space.hidden
    assert ordered.search(market.known, learned, val, changed(p, trials=1), 3) == chosen
    (study,) = (workspace / "models" / "study").glob("*.log")
    study.unlink()
    assert ordered.search(market.known, learned, val, p, 3) == chosen
    ordered.search(market.known, learned, val.of(val.members[1:]), p, 1)
    assert len(list(study.parent.glob("*.log"))) == 2


def test_learning_curves_end_where_their_trial_was_stopped(study, whole, p):
    curves = tune.learning(study, TRIALS)
    last = curves.groupby("trial").last()
    complete = whole["state"] == "complete"
    assert (last["epoch"][complete] == p.train.epochs).all() and (last["epoch"][~complete] < p.train.epochs).all()
    assert last["recall"][complete].equals(whole["recall"][complete])
    ax = plots.learning(curves, 5, plt.figure().add_subplot())
    assert [text.get_text() for text in ax.get_legend().texts] == ["run to the end", "stopped early"]
    plt.close()


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


def test_an_empty_validation_window_is_an_error(frame, items, p):
    end = str(p.windows.calibration_end)
    with pytest.raises(DataError, match=r"validation window \[2024-06-01, 2024-07-01\): nothing can be chosen"):
        tune.task(table(frame[frame["local_at"] < end]), items, p)


@pytest.mark.parametrize("key, value", [("dropout.high", 1.0), ("learning_rate.low", 0.0), ("weight_decay.low", 0.5)])
def test_an_impossible_search_space_is_refused(key, value):
    scale = {"tune.space.learning_rate.scale": "linear"}
    with pytest.raises(ParamError, match=r"tune\.space"):
        params.parse(params.read(), scale | {f"tune.space.{key}": value})
