"""The search for the model's settings, judged on the validation window only; it goes on where it was interrupted.

    start                     calibration_end         validation_end
      |-- origins, and their targets --)[-- next basket --)

The model learns from the former and is judged on the latter.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

import ibis.expr.types as ir
import numpy as np
import optuna
import pandas as pd
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial, TrialState

from membership.base import files, paths, seeds
from membership.base.errors import DataError
from membership.base.policy_knobs import Space
from membership.base.progress import bar
from membership.recommend import baskets, labels, metrics, policy, train
from membership.recommend.baskets import Targets
from membership.recommend.model import NextBasket, Settings, device
from membership.recommend.train import Samples, Situation

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
OnTrial = Callable[[int, dict, float | None, str], None]


@dataclass(frozen=True)
class Task:
    """What every trial shares: training rows before the validation window, and what is asked of it in the window."""

    samples: Samples
    now: Situation
    targets: Targets
    k: int

    def recall(self, model: NextBasket) -> float:
        """Return recall@k of `model`, the mean over members with a basket in the window."""
        rows = self.now.baskets.rows(self.targets.members)
        columns, _ = self.now.pairs.ranked(model.logits(self.now.inputs))(rows, self.k)
        ids = np.where(columns < 0, "", self.now.baskets.items[columns])
        judged = metrics.per_member(ids, self.targets, self.now.baskets, self.k)
        return float(judged[f"recall_at_{self.k}"].mean())

    def fingerprint(self) -> str:
        """Return a hash of all that is learned from and judged by."""
        arrays = (self.samples.inputs, self.samples.bought, self.samples.weight, self.now.inputs)
        digest = hashlib.sha256(self.targets.matrix.indices.tobytes())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def task(events: ir.Table, items: pd.DataFrame, p: SimpleNamespace) -> Task:
    """Return the task of parameters `p` (seed, windows, recommend, train); candidates and signals are made once.

    Raises DataError where no member with a history has a basket in the validation window.
    """
    cutoff = p.windows.calibration_end
    samples = train.samples(events, items, cutoff, p.recommend, p.train, p.seed)
    known = baskets.history(events, cutoff, p.recommend)
    targets = baskets.targets(events, p.windows.validation, known)
    if not len(targets.members):
        raise DataError(
            f"no member with a history buys in the validation window {p.windows.validation}: nothing can be chosen "
            "there; move windows.calibration_end or windows.validation_end."
        )
    now = train.situation(known, items, labels.none(known), p.train.candidates, targets.members)
    return Task(samples, now, targets, p.recommend.k)


def search(task: Task, p: SimpleNamespace, on_trial: OnTrial | None = None) -> optuna.Study:
    """Run what is missing of `p.tune.trials` trials and return the study; `on_trial` hears of every finished one.

    The study is kept in `models/study/` under a name made from all it depends on, so another search never goes on
    with it. A trial's draws depend on the seed and the number of finished trials alone: a study that was killed and
    taken up again ends as one that was not. `on_trial` gets number from 0, settings, recall (None if pruned), state.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = open_study(task, p)
    for number in bar(range(p.tune.trials), "trials"):
        if number == len(finished(study)):
            study.sampler = optuna.samplers.TPESampler(seed=seeds.child(p.seed, f"trial-{number}"))
            with _journal():
                _run(study, task, p)
        trial = finished(study)[number]
        if on_trial:
            on_trial(number, trial.params, _recall(trial), trial.state.name)
    return study


def open_study(task: Task, p: SimpleNamespace) -> optuna.Study:
    """Return the study of `task` and `p`, as far as it has come; what was running when it was killed has failed."""
    depends = {
        "data": task.fingerprint(),
        "seed": p.seed,
        "device": str(device(p.device)),
        "train": p.train.model_dump(mode="json"),
        "space": p.tune.space.model_dump(mode="json"),
        "pruning_warmup": p.tune.pruning_warmup,
        "k": task.k,
    }
    name = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:16]
    journal = paths.models("study", f"{name}.log")
    with _journal():
        _mend(journal)
        try:
            study = optuna.create_study(
                study_name=name,
                storage=JournalStorage(JournalFileBackend(str(journal))),
                load_if_exists=True,
                direction="maximize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=p.tune.pruning_warmup),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{journal}: not a study ({error}); delete it and run `dvc repro tune`.") from error
        for stale in study.get_trials(states=(TrialState.RUNNING,)):
            study.tell(stale.number, state=TrialState.FAIL)
    return study


@contextmanager
def _journal() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{paths.models('study')}: the search cannot be recorded ({error.strerror or error}); free some space or "
            "check the folder's permissions, then run again: it goes on from the last finished trial."
        ) from error


def _mend(journal: Path) -> None:
    """Cut off half a line, which a kill while writing leaves and on which Optuna would stumble for ever."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    written = journal.read_bytes() if journal.exists() else b""
    complete = written[: written.rfind(b"\n") + 1]
    if complete != written:
        with files.whole(journal) as temporary:
            temporary.write_bytes(complete)


def _run(study: optuna.Study, task: Task, p: SimpleNamespace) -> None:
    trial = study.ask()
    settings = suggest(trial, p.tune.space)
    recall = []

    def on_epoch(epoch: int, _loss: float, model: NextBasket) -> None:
        recall.append(task.recall(model))
        trial.report(recall[-1], epoch)
        if epoch < p.train.epochs and trial.should_prune():
            raise optuna.TrialPruned

    try:
        train.fit(task.samples, settings, p.train, p.seed, p.device, on_epoch)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, recall[-1])


def suggest(trial: Trial, space: Space) -> Settings:
    """Draw settings from `space`."""
    drawn = {
        name: trial.suggest_float(name, scope.low, scope.high, log=scope.scale == "log")
        for name, scope in space
        if name != "hidden"
    }
    return Settings(**drawn, hidden=trial.suggest_categorical("hidden", space.hidden))


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Return the trials that were run to the end or pruned, in order; those that were killed are not among them."""
    return study.get_trials(states=FINISHED)


def history(study: optuna.Study, trials: int) -> pd.DataFrame:
    """Return the first `trials` finished trials: trial, state, recall (NaN if pruned), best so far, and settings."""
    rows = [
        {"trial": number, "state": trial.state.name.lower(), "recall": _recall(trial), **trial.params}
        for number, trial in enumerate(finished(study)[:trials])
    ]
    frame = pd.DataFrame(rows)
    frame.insert(3, "best", frame["recall"].cummax().ffill())
    return frame


def best(study: optuna.Study, trials: int) -> tuple[Settings, float]:
    """Return the settings of the first `trials` finished trials with the highest recall, and that recall.

    Of equal ones the earlier is taken.
    """
    complete = [trial for trial in finished(study)[:trials] if trial.state == TrialState.COMPLETE]
    winner = max(complete, key=lambda trial: trial.value)
    return Settings(**winner.params), winner.value


def save(settings: Settings, recall: float, k: int) -> None:
    """Write `models/tuned.json`: the settings, and the validation recall that chose them."""
    files.write_json(paths.models("tuned.json"), {"settings": asdict(settings), f"validation_recall_at_{k}": recall})


def load() -> Settings:
    """Read the settings in `models/tuned.json`. Raises DataError, naming the file, where it is missing or broken."""
    path = paths.models("tuned.json")
    try:
        return Settings(**files.read_json(path)["settings"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: holds no settings of the model ({error}); run `dvc repro tune`.") from error


def compare(task: Task, recall: float, events: ir.Table, items: pd.DataFrame, p: SimpleNamespace) -> pd.DataFrame:
    """Return policy and recall on the validation window of the model and of all peers, the best first."""
    rows = [{"policy": "model", "recall": recall}]
    for name, settings in bar(list(p.recommend.peers), "peers"):
        peer = policy.fit(name, settings.model_dump(), events, items, task.now.baskets.cutoff, p)
        ids, _ = peer.recommend(task.targets.members, task.k)
        judged = metrics.per_member(ids, task.targets, peer.baskets, task.k)
        rows.append({"policy": name, "recall": judged[f"recall_at_{task.k}"].mean()})
    return pd.DataFrame(rows).sort_values(["recall", "policy"], ascending=[False, True], ignore_index=True)


def importances(study: optuna.Study, trials: int, seed: int) -> pd.Series:
    """Return the share of the recall's variance that each setting explains (fANOVA), the largest first.

    Taken over the complete ones of the first `trials` finished trials; empty below four: too few to say.
    """
    complete = [trial for trial in finished(study)[:trials] if trial.state == TrialState.COMPLETE]
    if len(complete) < 4:
        return pd.Series(dtype=float)
    copy = optuna.create_study(direction="maximize")
    copy.add_trials(complete)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seeds.child(seed, "importances"))
    return pd.Series(optuna.importance.get_param_importances(copy, evaluator=evaluator))


def _recall(trial: optuna.trial.FrozenTrial) -> float | None:
    return trial.value if trial.state == TrialState.COMPLETE else None
