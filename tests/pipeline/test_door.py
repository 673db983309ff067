"""The door before the scorer: what it lets in, what it says to the rest, and what it keeps inside."""

import asyncio
import json

import numpy as np
import pytest

from benchmarks import trust_served
from membership.pipeline import door
from membership.pipeline.door import Door

JSON = "application/json"
ROW = {"member_id": "m1"}


async def echo(scope, receive, send):
    """An application that answers with what it was asked."""
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def failing(status: int, text: str):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})

    return app


async def dying(scope, receive, send):
    """An application with a fault."""
    raise ZeroDivisionError("in /srv/secret/code.py")


def ask(app, body: bytes, kind: str = JSON, method="POST", path="/invocations", token=None, **headers) -> tuple:
    said = []
    sent = [(b"content-type", kind.encode()), *((k.encode(), v.encode()) for k, v in headers.items())]
    parts = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive():
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message):
        said.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": sent, "query_string": b""}
    asyncio.run(Door(app, token)(scope, receive, send))
    return said[0]["status"], said[1]["body"].decode()


def request(*rows, **more) -> bytes:
    return json.dumps({"dataframe_records": list(rows)} | more).encode()


def test_records_split_and_csv_ask_the_same():
    events = [{"kind": "view", "local_at": "2017-11-01"}]
    split = {"columns": ["member_id", "events"], "data": [["m1", events], ["m2", None]]}
    text = 'member_id,events\nm1,"[{""kind"": ""view"", ""local_at"": ""2017-11-01""}]"\nm2,\n'
    asked = [
        ask(echo, request(ROW | {"events": events}, {"member_id": "m2"})),
        ask(echo, json.dumps({"dataframe_split": split}).encode()),
        ask(echo, text.encode(), "text/csv; charset=utf-8"),
    ]
    assert asked == [(200, json.dumps({"dataframe_split": split}))] * 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (request(ROW | {"event": []}), "field 'event': unknown; there are: member_id, events, joined_at"),
        (request(ROW, params={"K": 3}), "params: 'K': unknown; there are: k, now, request_id"),
        (request(ROW, param={}), "'param': unknown"),
        (request({"member_id": 7}), "row 1: member_id is missing or no text"),
        (request(), "holds no member"),
        (b'{"dataframe_records": [{"member_id": NaN}]}', "NaN is no number of JSON"),
        (b"[" * 100_000, "nested"),
        (request(ROW | {"events": [[[[[[[[[[]]]]]]]]]]}), "nested more than 8 deep"),
        (b"\xff", "not UTF-8 (byte 0)"),
        (b'{"dataframe_records": [{"member_id": "\\ud800"}]}', "row 1: half of a letter"),
        (request(ROW, params={"now": "\ud800"}), "params: half of a letter"),
        (b"{", "not valid JSON"),
        (b'{"instances": [1]}', "'instances': unknown"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(body, words):
    status, said = ask(echo, body)
    assert status == 400 and words in json.loads(said)["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (request(*([ROW] * (door.MEMBERS + 1))), 413),
        (request(ROW | {"events": [0] * (door.EVENTS + 1)}), 413),
        (b" " * (door.BYTES + 1), 413),
    ],
)
def test_size_and_counts_are_bounded(body, status):
    assert ask(echo, body)[0] == status


def test_other_places_methods_and_types_are_refused():
    assert ask(echo, b"", method="GET")[0] == 405
    assert ask(echo, b"", path="/docs", method="GET")[0] == 404
    assert ask(echo, b"", path="/ping", method="GET")[0] == 200
    assert ask(echo, request(ROW), "application/octet-stream")[0] == 415
    assert ask(echo, b"member_id\nm1,m2\n", "text/csv")[1].count("CSV row 1: 2 cells; the header has 1")


def test_a_token_is_asked_for_where_one_is_set():
    assert ask(echo, request(ROW), token="secret")[0] == 401
    assert ask(echo, request(ROW), token="secret", authorization="Bearer secre\u0074s")[0] == 401
    assert ask(echo, request(ROW), token="secret", authorization="Bearer secret")[0] == 200


def test_a_fault_is_said_to_be_the_servers_and_no_trace_and_no_path_leaves():
    for app, expected in (
        (dying, 500),
        (failing(500, 'Traceback (most recent call last):\n File "/srv/secret/x.py"'), 500),
        (failing(503, json.dumps({"message": "/srv/secret/trials.db: locked"})), 503),
        (failing(400, json.dumps({"message": "x", "stack_trace": "File x.py"})), 400),
        (failing(400, json.dumps({"message": "/srv/secret/trials.db: no room"})), 400),
    ):
        status, said = ask(app, request(ROW))
        assert status == expected and "secret" not in said and "Traceback" not in said and "x.py" not in said
    told = json.dumps({"message": "Failed to predict data 'x'. \nError: k = 0: allowed"})
    assert json.loads(ask(failing(400, told), request(ROW))[1])["message"] == "k = 0: allowed"


def test_two_hundred_strange_requests_end_in_an_answer_of_2xx_or_4xx():
    rng = np.random.default_rng(5)
    for method, path, headers, body in trust_served.requests(rng, 200, ["m1", "m2"]):
        status, said = ask(echo, body, headers["content-type"], method, path)
        assert 200 <= status < 500 and (status == 200 or not trust_served.leaks(said))


def test_a_server_for_others_needs_a_token(monkeypatch, capsys):
    monkeypatch.delenv(door.TOKEN, raising=False)
    assert door.main(["--host", "0.0.0.0"]) == 1
    assert door.TOKEN in capsys.readouterr().err
