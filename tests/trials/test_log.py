"""The log of exposures: kept when it says so, by several writers, once a request."""

import multiprocessing
import os
import signal
from pathlib import Path

import pandas as pd
import pytest

from membership.base.errors import DataError
from membership.trials import log
from membership.trials.log import Log


def row(request="r1", **changed):
    told = {"member_id": "m1", "trial": "spring", "arm": "control", "propensity": 0.5, "shown": "[]"}
    return (
        told | {"request_id": request, "as_of": "2024-03-01", "model_version": "v", "at": "2024-03-01T10:00"} | changed
    )


def url(folder):
    return f"sqlite:///{folder / 'log.db'}"


def test_what_is_appended_is_read_back_in_the_order_of_time(tmp_path):
    ready = Log(url(tmp_path))
    ready.append([row("late", at="2024-03-02T09:00:00.250"), row("early")])
    ready.append([row("summer", trial="summer")])
    found = Log(url(tmp_path)).read("spring")
    assert found["request_id"].tolist() == ["early", "late"]
    assert found["at"].tolist() == [pd.Timestamp("2024-03-01 10:00"), pd.Timestamp("2024-03-02 09:00:00.250")]
    assert len(Log(url(tmp_path)).read()) == 3


def test_a_request_that_is_sent_again_is_logged_once_and_the_first_answer_stands(tmp_path):
    ready = Log(url(tmp_path))
    ready.append([row(), row(member_id="m2")])
    ready.append([row(arm="treatment"), row(member_id="m3")])
    found = ready.read()
    assert found["member_id"].tolist() == ["m1", "m2", "m3"]
    assert set(found["arm"]) == {"control"}


def test_rows_that_do_not_fit_leave_nothing_of_their_request(tmp_path):
    ready = Log(url(tmp_path))
    with pytest.raises(DataError, match="nothing was logged or answered"):
        ready.append([row(), row("r2", arm=None)])
    assert ready.read().empty


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path):
    (tmp_path / "log.db").mkdir()
    with pytest.raises(DataError, match="does not answer"):
        Log(url(tmp_path))
    with pytest.raises(DataError) as told:
        Log("nosuch://me:secret@somewhere/trials")
    assert "secret" not in str(told.value)


def test_the_environment_names_the_database_before_the_parameters(tmp_path, monkeypatch):
    monkeypatch.setenv(log.URL, url(tmp_path))
    Log("sqlite:////nowhere/else.db").append([row()])
    assert (tmp_path / "log.db").exists()


def write(where, worker, started):
    ready, number = Log(where), 0
    while True:
        ready.append([row(f"{worker}/{number}")])
        with open(f"{started}{worker}", "a", buffering=1) as answers:
            answers.write(f"{worker}/{number}\n")
        number += 1


def test_writers_that_are_killed_lose_nothing_that_they_answered(tmp_path):
    context, answers = multiprocessing.get_context("spawn"), str(tmp_path / "answers")
    workers = [context.Process(target=write, args=(url(tmp_path), number, answers)) for number in range(2)]
    for worker in workers:
        worker.start()
    reader = Log(url(tmp_path))
    while reader.read()["request_id"].str[0].nunique() < 2 or len(reader.read()) < 40:
        pass
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    answered = [line for n in range(2) for line in Path(f"{answers}{n}").read_text().split("\n")[:-1]]
    found = Log(url(tmp_path)).read()["request_id"]
    assert set(answered) <= set(found) and found.is_unique
    assert len(answered) >= 38
