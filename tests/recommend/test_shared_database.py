"""A study in PostgreSQL, where its programs and its driver are installed."""

import socket
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest

from membership.base.errors import ProjectError
from membership.pipeline import local_postgres
from membership.recommend import studies


@pytest.fixture
def address(tmp_path_factory, monkeypatch):
    pytest.importorskip("psycopg", reason="the driver of PostgreSQL is not installed: extra postgres")
    monkeypatch.setenv(local_postgres.PASSWORD, "")
    folder = tmp_path_factory.mktemp("postgres")
    for above in list(folder.parents)[:3]:
        above.chmod(0o755)  # the server may be another user
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
