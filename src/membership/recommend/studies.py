"""Where a search keeps its finished trials: a journal file, or a database that several machines share.

Only finished trials are kept, each written at once and whole, under its number in the search. So a kill at any moment
leaves a study that can be gone on with, and it does not matter in which order or by whom its trials are added.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import optuna
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from membership.base import files, paths
from membership.base.errors import DataError, ParamError

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
NUMBER = "number"
_TRIES, _PAUSE = 5, 0.4  # how often a database is opened again, after how many seconds


def opened(name: str, storage: str | None) -> optuna.Study:
    """Return the study called `name` as far as it has come: from `models/study/`, or the database at URL `storage`.

    Raises DataError where the journal is none, ParamError where the database cannot be used.
    """
    with kept(storage):
        where = _database(storage) if storage else _journal(name)
        return optuna.create_study(study_name=name, storage=where, load_if_exists=True, direction="maximize")


def finished(study: optuna.Study) -> dict[int, FrozenTrial]:
    """Return the trials that were run to the end or pruned, by number; of several with one number the first."""
    found: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False, states=FINISHED):
        found.setdefault(trial.user_attrs[NUMBER], trial)
    return dict(sorted(found.items()))


def take(study: optuna.Study, numbers: range) -> Iterator[int]:
    """Yield those of `numbers` that are not finished when asked for, each once, first those nobody else has taken.

    That another machine has taken a trial is a hint and no lock: it may have been switched off since. So when only
    taken ones are left they are run here too, and whoever ends first counts.
    """
    mine: set[int] = set()
    while left := [number for number in numbers if number not in mine and number not in finished(study)]:
        taken = study.user_attrs
        number = min(left, key=lambda number: (f"taken {number}" in taken, number))
        study.set_user_attr(f"taken {number}", True)
        mine.add(number)
        yield number


def add(study: optuna.Study, trial: FrozenTrial, storage: str | None) -> None:
    """Add `trial` to `study`, unless one with its number is finished.

    Between the look and the addition another machine's may come: PostgreSQL lets one do both at a time, and gives its
    turn on where it is killed. In other databases such a trial may stand twice; `finished` takes the first.
    """
    with _turn(study.study_name, storage):
        if trial.user_attrs[NUMBER] not in finished(study):
            study.add_trial(trial)


@contextmanager
def kept(storage: str | None) -> Iterator[None]:
    """Say in words what `storage` (None: the journal) answers with an error."""
    folder = paths.models("study")
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{folder}: the search cannot be recorded ({error.strerror or error}); free some space or "
            "check the folder's permissions, then run again: it goes on from the last finished trial."
        ) from error
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise DataError(
            f"tune.storage = {storage!r}: the database does not do what is asked ({_first_line(error)}); check that it "
            "runs and may be written, then run again: the search goes on from the last finished trial."
        ) from error


@contextmanager
def _turn(name: str, storage: str | None) -> Iterator[None]:
    if not storage or not make_url(storage).drivername.startswith("postgresql"):
        yield
        return
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    engine = create_engine(storage, poolclass=NullPool)  # the lock is its connection's, and ends with it
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        yield


def _database(url: str) -> RDBStorage:
    try:
        for _ in range(_TRIES):
            with suppress(SQLAlchemyError):  # another process makes the tables of a fresh one at this moment
                return RDBStorage(url)
            time.sleep(_PAUSE)
        return RDBStorage(url)
    except ImportError as error:
        raise ParamError(
            f"tune.storage = {url!r}: its driver is not installed ({_first_line(error.__cause__ or error)}); "
            "PostgreSQL's comes with `make venv`. Or set null: a journal in models/study."
        ) from error
    except (ArgumentError, RuntimeError) as error:
        raise ParamError(
            f"tune.storage = {url!r}: cannot be used ({_first_line(error)}); allowed: null (a journal in models/study) "
            "or an SQLAlchemy URL whose driver is installed, e.g. sqlite:////absolute/path.db, postgresql://host/name."
        ) from error


def _journal(name: str) -> JournalStorage:
    journal = paths.models("study", f"{name}.log")
    _repair(journal)
    try:
        storage = JournalStorage(JournalFileBackend(str(journal)))
        for study in storage.get_all_studies():
            if any(NUMBER not in trial.user_attrs for trial in storage.get_all_trials(study._study_id, deepcopy=False)):
                raise ValueError("it has a trial without a number")
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise DataError(
            f"{journal}: not a study ({_first_line(error)}); delete it and run `dvc repro tune`."
        ) from error
    return storage


def _repair(journal: Path) -> None:
    """Cut off half a line, which a kill while writing leaves and on which Optuna would stumble for ever."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    written = journal.read_bytes() if journal.exists() else b""
    complete = written[: written.rfind(b"\n") + 1]
    if complete != written:
        with files.whole(journal) as temporary:
            temporary.write_bytes(complete)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
