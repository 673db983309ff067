"""A study in PostgreSQL, where its programs and its driver are installed."""

import socket
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest

from membership.base.errors import ProjectError
from membership.pipeline import local_postgres
from membership.recommend import studies


@pytest.fixture
def folder():
    """A folder that other users reach, too: PostgreSQL does not run as root."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name) / "postgres"


@pytest.fixture
def address(folder, monkeypatch):
    monkeypatch.setenv(local_postgres.PASSWORD, "")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        with local_postgres.running(folder, port, ("tune",)):
            yield local_postgres.url(port, "tune")
    except ProjectError as error:
        pytest.skip(str(error))


def test_of_trials_that_end_at_the_same_moment_one_stays(address):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    studies.opened("one", address)

    def end(worker: int) -> None:
        study = studies.opened("one", address)
        for number in range(10):
            about = {studies.NUMBER: number}
            studies.add(study, optuna.trial.create_trial(value=float(worker), user_attrs=about), address)

    with ThreadPoolExecutor(4) as team:
        list(team.map(end, range(4)))
    assert [trial.user_attrs[studies.NUMBER] for trial in studies.opened("one", address).trials] == list(range(10))
