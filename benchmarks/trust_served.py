"""Requests of all kinds to the served scorer: none may end in a 5xx, show a trace or a path, or hang."""

import contextlib
import http.client
import json
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import serving
from membership.base import paths, seeds, tables
from membership.data import pseudonyms

REQUESTS = 1_000
PATIENCE = 30  # seconds, after which a request hangs
TRACE = re.compile(r"Traceback|File \"|\.py\b|stack_trace|site-packages")
_VALUES = (
    None, True, -1, 0, 1.5, 2**70, 1e308, "", "x", "x" * 5000, "\ud800", "\u0000", "=1+1", "../../etc/passwd", [], {},
    [[]], {"a": {"b": [1]}}, "NaN", "9999-12-31", "2017-11-01T10:00:00Z", "<script>", "' OR 1=1 --",
)  # fmt: skip
_BODIES = (
    b"", b"{", b"[]", b"null", b"\xff\xfe{", b'{"a"' * 500, b"[" * 100_000, b'{"dataframe_records": NaN}', b"\x00" * 64,
    b'{"dataframe_split": {"columns": ["member_id"], "data": [[1, 2]]}}', b'{"instances": [1]}', b'{"inputs": {}}',
    b'{"messages": [{"role": "user", "content": "hi"}]}', b'{"prompt": "hi"}', b"member_id\n1\n1,2\n", b'"\n',
)  # fmt: skip
_TYPES = (
    "application/json", "application/json; charset=utf-8", "application/json; charset=latin-1", "text/csv", "",
    "application/vnd.apache.parquet", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ";;;",
)  # fmt: skip
_PATHS = ("/invocations", "/invocations/", "/", "/../../etc/passwd", "/docs", "/openapi.json", "/version", "/ping")


def measure(_: Path, count: int = REQUESTS) -> list[dict[str, Any]]:
    """Return the table: what was tried, how often, and how often it was right. Asks the champion of the last run."""
    rng = seeds.rng(7, "benchmark.trust.served")
    members = pseudonyms.of(tables.read("members")["member_id"].head(50)).tolist()
    with tempfile.TemporaryDirectory() as folder, serving.served(Path(folder), "champion") as (port, _):
        answers = [ask(port, *one) for one in requests(rng, count, members)]
        sound = [ask(port, "POST", "/invocations", {"content-type": "application/json"}, good(members[:3]))]
    found = [
        {"tried": "no answer of 5xx", "right": sum(status < 500 for status, _ in answers if status)},
        {"tried": "no trace and no path", "right": sum(not leaks(text) for _, text in answers)},
        {"tried": "no hang", "right": sum(status > 0 for status, _ in answers)},
    ]
    rows = [{"what": f"served: {one['tried']}", "tried": len(answers), "right": one["right"]} for one in found]
    return [
        *rows,
        {"what": "served: a sound request afterwards", "tried": 1, "right": int(sound[0][0] == 200)},
    ]


def good(members: list[str]) -> bytes:
    """Return a request that is in order."""
    return json.dumps({"dataframe_records": [{"member_id": one} for one in members]}).encode()


def leaks(answer: str) -> bool:
    """Say whether an answer shows where the program is or how it failed."""
    return bool(TRACE.search(answer)) or str(paths.root()) in answer or "/site-packages" in answer


def requests(
    rng: np.random.Generator, count: int, members: list[str]
) -> Iterator[tuple[str, str, dict[str, str], bytes]]:
    """Yield method, path, headers and body of `count` requests: sound ones with something wrong, and junk."""
    for _ in range(count):
        method, path, kind = "POST", "/invocations", "application/json"
        way = rng.integers(8)
        if way == 0:
            method, path = str(rng.choice(["GET", "PUT", "DELETE", "POST", "HEAD"])), str(rng.choice(_PATHS))
        if way == 1:
            kind = str(rng.choice(_TYPES))
        body = _BODIES[rng.integers(len(_BODIES))] if way == 2 else _row(rng, members)
        if way == 3:  # bytes of it changed
            wrong = bytearray(body)
            for place in rng.integers(len(wrong), size=3):
                wrong[place] = rng.integers(256)
            body = bytes(wrong)
        yield method, path, {"content-type": kind}, body


def _row(rng: np.random.Generator, members: list[str]) -> bytes:
    event = {"kind": "purchase", "local_at": "2017-11-01T10:00:00", "item_id": "1", "amount": 500, "quantity": 1}
    row: dict[str, Any] = {"member_id": str(rng.choice(members))}
    if rng.random() < 0.6:
        row |= {"events": [dict(event) for _ in range(rng.integers(4))], "joined_at": "2017-01-01"}
    request: dict[str, Any] = {"dataframe_records": [row], "params": {"k": 3, "now": "2017-12-05", "request_id": "r"}}
    for _ in range(rng.integers(3)):  # spoil it
        events = row.get("events")
        holders = [request, row, request.get("params"), *(events if isinstance(events, list) else [])]
        holder = holders[rng.integers(len(holders))]
        if isinstance(holder, dict) and holder:
            name = str(rng.choice(list(holder)))
            value = _VALUES[rng.integers(len(_VALUES))]
            if rng.random() < 0.3:
                holder[f"{name}s"] = holder.pop(name)
            else:
                holder[name] = value
    return json.dumps(request).encode()


def ask(port: int, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
    """Return status and text of the answer; 0 where there was none in time."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent
            line.request(method, path, body, headers)
        answer = line.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (TimeoutError, http.client.HTTPException, OSError):
        time.sleep(0.1)
        return 0, ""
    finally:
        line.close()
