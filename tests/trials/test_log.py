"""The log of exposures: kept when it says so, by several writers, once a request."""

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import postgres
from membership.base.errors import DataError
from membership.pipeline import local_postgres
from membership.trials import log
from membership.trials.log import Log


def row(request="r1", **changed):
    told = {"member_id": "m1", "trial": "spring", "arm": "control", "propensity": 0.5, "shown": "[]"}
    return (
        told | {"request_id": request, "as_of": "2024-03-01", "model_version": "v", "at": "2024-03-01T10:00"} | changed
    )


@pytest.fixture(scope="module")
def server():
    if local_postgres.programs() is None:
        pytest.skip("no PostgreSQL here; install one (`apt install postgresql`) to try the log on it")
    with postgres.Server(disk=False) as one:
        yield one


@pytest.fixture
def empty(server, request):
    """The address of a database of the server in which there is nothing yet."""
    return server.new(f"log_{abs(hash(request.node.name))}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    return f"sqlite:///{tmp_path / 'log.db'}" if request.param == "sqlite" else request.getfixturevalue("empty")


def test_what_is_appended_is_read_back_in_the_order_of_time(url):
    ready = Log(url)
    ready.append([row("late", at="2024-03-02T09:00:00.250"), row("early")])
    ready.append([row("summer", trial="summer")])
    found = Log(url).read("spring")
    assert found["request_id"].tolist() == ["early", "late"]
    assert found["at"].tolist() == [pd.Timestamp("2024-03-01 10:00"), pd.Timestamp("2024-03-02 09:00:00.250")]
    assert len(Log(url).read()) == 3


def test_a_request_that_is_sent_again_is_logged_once_and_the_first_answer_stands(url):
    ready = Log(url)
    ready.append([row(), row(member_id="m2")])
    ready.append([row(arm="treatment"), row(member_id="m3")])
    found = ready.read()
    assert found["member_id"].tolist() == ["m1", "m2", "m3"]
    assert set(found["arm"]) == {"control"}


def test_rows_that_do_not_fit_leave_nothing_of_their_request(url):
    ready = Log(url)
    with pytest.raises(DataError, match="nothing was logged or answered"):
        ready.append([row(), row("r2", arm=None)])
    assert ready.read().empty


def test_members_are_renamed_and_forgotten(url):
    ready = Log(url)
    ready.append([row(), row(member_id="m2"), row("r2")])
    assert ready.rename({"m1": "new", "nobody": "else"}) == 2
    assert ready.forget("m2") == 1
    assert ready.read()["member_id"].tolist() == ["new", "new"]


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path):
    (tmp_path / "log.db").mkdir()
    with pytest.raises(DataError, match="does not answer"):
        Log(f"sqlite:///{tmp_path / 'log.db'}")
    with pytest.raises(DataError, match="does not answer") as told:
        Log("postgresql://me:secret@localhost:9/trials")
    assert "secret" not in str(told.value)


def test_a_database_whose_driver_is_missing_is_named_so_without_its_password():
    for address in ("nosuch://me:secret@somewhere/trials", "postgresql+nosuch://me:secret@somewhere/trials"):
        with pytest.raises(DataError, match="is not installed") as told:
            Log(address)
        assert "secret" not in str(told.value)


def test_the_environment_names_the_database_before_the_parameters(tmp_path, monkeypatch):
    monkeypatch.setenv(log.URL, f"sqlite:///{tmp_path / 'log.db'}")
    Log("sqlite:////nowhere/else.db").append([row()])
    assert (tmp_path / "log.db").exists()


def write(where, worker, started):
    ready, number = Log(where), 0
    while True:
        ready.append([row(f"{worker}/{number}")])
        with open(f"{started}{worker}", "a", buffering=1) as answers:
            answers.write(f"{worker}/{number}\n")
        number += 1


def started(where, answers):
    """Return two processes that append, each answer written down once it is given, when both have begun."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write, args=(where, number, answers)) for number in range(2)]
    for worker in workers:
        worker.start()
    reader = Log(where)
    while reader.read()["request_id"].str[0].nunique() < 2 or len(reader.read()) < 40:
        pass
    return workers


def answered(answers):
    return [line for n in range(2) for line in Path(f"{answers}{n}").read_text().split("\n")[:-1]]


def kill(worker):
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()


def test_writers_that_are_killed_lose_nothing_that_they_answered(tmp_path):
    where, answers = f"sqlite:///{tmp_path / 'log.db'}", str(tmp_path / "answers")
    for worker in started(where, answers):
        kill(worker)
    found = Log(where).read()["request_id"]
    assert set(answered(answers)) <= set(found) and found.is_unique
    assert len(answered(answers)) >= 38


def test_a_killed_writer_and_a_killed_server_lose_nothing_that_was_answered(server, empty, tmp_path):
    answers, ready = str(tmp_path / "answers"), Log(empty)
    first, second = started(empty, answers)
    kill(first)
    server.kill()
    second.join()  # it stops at the first row that the log does not take
    with pytest.raises(DataError, match="does not answer"):
        ready.append([row("while it is down")])
    server.start()
    found = ready.read()["request_id"]
    assert set(answered(answers)) <= set(found) and found.is_unique
    assert len(answered(answers)) >= 38
    ready.append([row("again")])
    assert "again" in set(Log(empty).read()["request_id"])


def test_writers_that_start_together_make_one_table(empty):
    with ThreadPoolExecutor(8) as pool:
        logs = list(pool.map(lambda _: Log(empty), range(8)))
    for ready in logs:
        ready.append([row()])
    assert len(logs[0].read()) == 1


def test_a_writer_may_be_let_to_add_rows_and_nothing_else(server, empty):
    Log(empty).append([row()])
    with server.connect(empty) as connection:
        connection.execute("CREATE ROLE scorer LOGIN; GRANT SELECT, INSERT ON trial_exposures TO scorer")
    scorer = Log(empty.replace("postgres@", "scorer@"))
    scorer.append([row(arm="treatment"), row("r2")])
    assert scorer.read()["arm"].tolist() == ["control", "control"]
    with pytest.raises(DataError, match="permission denied"):
        scorer.forget("m1")
