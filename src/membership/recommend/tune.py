"""The search for the model's settings, judged on the validation window only; it goes on where it was interrupted.

    start                     calibration_end         validation_end
      |-- origins, and their targets --)[-- next basket --)

The model learns from the former and is judged on the latter.

Trials go in rounds. What a trial tries, and when it is stopped early, depends on the seed, its number and the trials of
earlier rounds, and on nothing else. So the search is the same with one worker or many, fast or slow, on one core or on
several, in one go or after a kill. `choice` says whether what it finds replaces the stored settings.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import ibis.expr.types as ir
import numpy as np
import optuna
import pandas as pd
import torch
from optuna.trial import FrozenTrial, Trial, TrialState

from membership.base import files, paths, seeds
from membership.base.errors import DataError, NotPossible
from membership.base.progress import bar
from membership.recommend import baskets, model, studies, train
from membership.recommend.baskets import Targets
from membership.recommend.model import NextBasket, Settings, device
from membership.recommend.task import Task
from membership.recommend.train import Situation
from membership.recommend.workers import Work, Workers
from membership.settings.tune import Range, Space

OnTrial = Callable[[int, dict, list[float], str], None]
NEVER_PRUNED = 3  # complete trials that the median is taken of, at least
# code of a trial; the rest is in its data
CODE = ("candidates", "metrics", "model", "optimise", "task", "train", "tune", "workers")


def task(events: ir.Table, items: pd.DataFrame, p: SimpleNamespace) -> Task:
    """Return the task of parameters `p` (seed, windows, recommend, train); candidates and signals are made once.

    Raises DataError where no member with a history has a basket in the validation window.
    """
    samples = train.samples(events, items, p.windows.calibration_end, p.recommend, p.train, p.seed)
    return Task(samples, *_asked_of(events, items, p), p.recommend.k)


def _asked_of(events: ir.Table, items: pd.DataFrame, p: SimpleNamespace) -> tuple[Situation, Targets]:
    """Return what is known at the start of the validation window, and what members with a history buy in it."""
    known = baskets.history(events, p.windows.calibration_end, p.recommend, items)
    targets = baskets.targets(events, p.windows.validation, known)
    if not len(targets.members):
        raise NotPossible(
            f"no member with a history buys in the validation window {p.windows.validation}: nothing can be chosen "
            "there; move windows.calibration_end or windows.validation_end."
        )
    return train.situation(known, items, p.train, targets.members), targets


@dataclass(frozen=True)
class Tried:
    """What a model that learned only from before the validation window says of it: P(bought), (n,), of `now.pairs`."""

    now: Situation
    targets: Targets
    probability: np.ndarray


def tried(network: NextBasket, events: ir.Table, items: pd.DataFrame, p: SimpleNamespace) -> Tried:
    """Return what `network`, as stage tune has stored it, says of the validation window."""
    now, targets = _asked_of(events, items, p)
    return Tried(now, targets, network.probability(now.inputs))


def search(task: Task, p: SimpleNamespace, on_trial: OnTrial | None = None) -> optuna.Study:
    """Run what is missing of `p.tune.trials` trials and return the study; `on_trial` hears of every finished one.

    `on_trial` gets number from 0, settings, the recall after each epoch, and state, in this process and in the order of
    numbers. Trial 0 has the stored settings where they lie in the space.

    The study is kept under a name made from all it depends on, so another search never goes on with it: in
    `models/study/`, or in the database `p.tune.storage`. There, several machines that search the same share the
    trials of a round; one that is switched off is not waited for, and of a trial that two have run the first counts,
    for all. What is chosen is then the same as on one machine if they compute alike; machines of different kinds see
    their data as different from the last digit on, and each searches for itself.

    Raises DataError where the study cannot be read or written, or a worker dies; the next call goes on from there.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = open_study(task, p)
    with Workers(_work(task, study, p), min(p.tune.workers, p.tune.round, p.tune.trials)) as team:
        for number in bar(range(p.tune.trials), "trials"):
            if number % p.tune.round == 0:
                with studies.kept(p.tune.storage):
                    _run(study, team, range(number, min(number + p.tune.round, p.tune.trials)), p)
            trial = studies.finished(study)[number]
            if on_trial:
                on_trial(number, trial.params, [recall for _, recall in _curve(trial)], trial.state.name)
    return study


def open_study(task: Task, p: SimpleNamespace) -> optuna.Study:
    """Return the study of `task` and `p`, as far as it has come."""
    depends = {
        "data": task.fingerprint(),
        "code": [hashlib.sha256(Path(__file__).with_name(f"{name}.py").read_bytes()).hexdigest() for name in CODE],
        "libraries": [optuna.__version__, torch.__version__],
        "seed": p.seed,
        "device": str(device(p.device)),
        "train": p.train.model_dump(mode="json", exclude={"processes"}),
        "tune": p.tune.model_dump(mode="json", exclude={"trials", "workers", "confidence", "margin", "storage"}),
        "k": task.k,
    }
    name = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:16]
    return studies.opened(name, p.tune.storage)


def _run(study: optuna.Study, team: Workers, numbers: range, p: SimpleNamespace) -> None:
    """Run what is missing of the round `numbers`, and add it to `study`."""
    earlier = [trial for number, trial in studies.finished(study).items() if number < numbers.start]
    running: dict[int, Trial] = {}

    def jobs() -> Iterator[tuple[int, Settings]]:
        for number in studies.take(study, numbers):
            running[number] = _asked(number, earlier, p)
            yield number, suggest(running[number], p.tune.space)

    def heard(number: int, epoch: int, recall: float) -> bool:
        running[number].report(recall, epoch)
        return epoch == p.train.epochs or not (running[number].should_prune() or number in studies.finished(study))

    for number in team.play(jobs(), heard):
        studies.add(study, _told(running[number], p.train.epochs), p.tune.storage)


def _asked(number: int, earlier: list[FrozenTrial], p: SimpleNamespace) -> Trial:
    """Return trial `number` of a study of its own, which holds `earlier` ones only: so it can see no others."""
    aside = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seeds.child(p.seed, f"trial-{number}")),
        pruner=optuna.pruners.MedianPruner(NEVER_PRUNED, p.tune.pruning_warmup),
    )
    aside.add_trials(earlier)
    if number == 0:
        stored = p.train.settings.model_dump()
        aside.enqueue_trial({name: stored[name] for name, scope in p.tune.space if stored[name] in scope})
    trial = aside.ask()
    trial.set_user_attr(studies.NUMBER, number)
    return trial


def _told(trial: Trial, epochs: int) -> FrozenTrial:
    recalls = trial.study.trials[-1].intermediate_values
    if epochs in recalls:
        return trial.study.tell(trial, recalls[epochs])
    return trial.study.tell(trial, state=TrialState.PRUNED)


def suggest(trial: Trial, space: Space) -> Settings:
    """Draw settings from `space`: each a number from a range, or one of a list."""
    drawn = {
        name: trial.suggest_float(name, scope.low, scope.high, log=scope.scale == "log")
        if isinstance(scope, Range)
        else trial.suggest_categorical(name, scope)
        for name, scope in space
    }
    return Settings(**drawn)


def history(study: optuna.Study, trials: int) -> pd.DataFrame:
    """Return the first `trials` finished trials: trial, state, recall (NaN if pruned), best so far, and settings."""
    rows = [
        {"trial": number, "state": trial.state.name.lower(), "recall": _recall(trial), **trial.params}
        for number, trial in studies.finished(study).items()
        if number < trials
    ]
    frame = pd.DataFrame(rows)
    frame.insert(3, "best", frame["recall"].cummax().ffill())
    return frame


def runs(history: pd.DataFrame, learning: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return what a run of each trial of `history` logs: the metric (NaN if pruned), state and settings, and its curve.

    The curve is `<metric>_by_epoch`, of `learning` (index: name, epoch), which a pruned trial has, too.
    """
    named = history.set_index(_names(history)).drop(columns=["trial", "best"])
    curve = learning.set_index([_names(learning), "epoch"])[["recall"]].set_axis([f"{metric}_by_epoch"], axis=1)
    return named[["recall"]].set_axis([metric], axis=1), named.drop(columns="recall"), curve


def learning(study: optuna.Study, trials: int) -> pd.DataFrame:
    """Return the recall of each of the first `trials` trials after every epoch it had: trial, state, epoch, recall."""
    rows = [
        {"trial": number, "state": trial.state.name.lower(), "epoch": epoch, "recall": recall}
        for number, trial in studies.finished(study).items()
        if number < trials
        for epoch, recall in _curve(trial)
    ]
    return pd.DataFrame(rows)


def best(study: optuna.Study, trials: int) -> tuple[Settings, float]:
    """Return the settings of the first `trials` finished trials with the highest recall, and that recall.

    Of equal ones the earlier is taken.
    """
    complete = _complete(study, trials)
    winner = max(complete, key=lambda trial: trial.value)
    return Settings(**winner.params), winner.value


def trained(task: Task, study: optuna.Study, settings: Settings, p: SimpleNamespace) -> NextBasket:
    """Return the model with `settings`: the one that a trial of `study` has kept, or trained now where none has."""
    work = _work(task, study, p)
    for number, trial in studies.finished(study).items():
        kept = work.folder / str(number)
        if trial.state == TrialState.COMPLETE and Settings(**trial.params) == settings and kept.exists():
            return model.load(kept, str(device(p.device)))
    return work.trained(settings)


def _work(task: Task, study: optuna.Study, p: SimpleNamespace) -> Work:
    alone = p.train.model_copy(update={"processes": 1})  # trials run side by side already
    return Work(task, alone, p.seed, p.device, paths.models("study", study.study_name))


def load() -> Settings:
    """Read the settings in `models/tuned.json`. Raises DataError, naming the file, where it is missing or broken."""
    path = paths.models("tuned.json")
    try:
        return Settings(**files.read_json(path)["settings"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: holds no settings of the model ({error}); run `dvc repro tune`.") from error


def importances(study: optuna.Study, trials: int, seed: int) -> pd.Series:
    """Return the share of the recall's variance that each setting explains (fANOVA), the largest first.

    Taken over the complete ones of the first `trials` finished trials; empty below four: too few to say.
    """
    complete = _complete(study, trials)
    if len(complete) < 4:
        return pd.Series(dtype=float)
    copy = optuna.create_study(direction="maximize")
    copy.add_trials(complete)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seeds.child(seed, "importances"))
    return pd.Series(optuna.importance.get_param_importances(copy, evaluator=evaluator))


def _complete(study: optuna.Study, trials: int) -> list[FrozenTrial]:
    found = studies.finished(study).items()
    return [trial for number, trial in found if number < trials and trial.state == TrialState.COMPLETE]


def _names(trials: pd.DataFrame) -> pd.Series:
    return "trial-" + trials["trial"].astype(str).str.zfill(3)


def _curve(trial: FrozenTrial) -> list[tuple[int, float]]:
    return sorted(trial.intermediate_values.items())


def _recall(trial: FrozenTrial) -> float | None:
    return trial.value if trial.state == TrialState.COMPLETE else None
