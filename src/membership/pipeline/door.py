"""The door before the served scorer: what comes in is bounded and named, what goes out holds no trace and no path.

`python -m membership.pipeline.door --port 5001` serves the champion behind it (`make serve`). A request is JSON
(`dataframe_records` or `dataframe_split`, and `params`) or CSV with a header. With `MEMBERSHIP_TOKEN` in the
environment, it must carry `Authorization: Bearer <token>`.
"""

import argparse
import asyncio
import csv
import hmac
import io
import json
import logging
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from membership.base.errors import ProjectError

TOKEN = "MEMBERSHIP_TOKEN"
BYTES, MEMBERS, EVENTS, DEPTH, SECONDS = 8 * 2**20, 1_000, 100_000, 8, 30  # of a request, at most
FIELDS = ("member_id", "events", "joined_at")
PARAMS = ("k", "now", "request_id")
_ASKED, _ALIVE = "/invocations", ("/ping", "/health", "/version")
_PLACE = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][\w.+@-]+){2,}[\\/]?")  # of a file
_NO_PAGE = (b"x-content-type-options", b"nosniff")  # no browser takes an answer for a page, whatever names it holds
_HALF = re.compile("[\ud800-\udfff]")
_BEFORE = re.compile(r"\AFailed to predict data .*?\nError: ", re.DOTALL)  # MLflow repeats the whole request
_Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Refused(Exception):
    """What is wrong with a request, and the status that says so."""

    def __init__(self, status: int, words: str):
        super().__init__(words)
        self.status = status


class Door:
    """An ASGI application before another, `inner`."""

    def __init__(self, inner: Callable, token: str | None = None):
        self._inner, self._token = inner, token

    async def __call__(self, scope: Mapping[str, Any], receive: Callable, send: _Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        try:
            status, body = await self._answer(scope, receive)
        except Refused as refused:
            status, body = refused.status, _said(str(refused))
        except Exception:
            logging.getLogger(__name__).exception("a request could not be answered")
            status, body = 500, _said("this request cannot be answered; the server's log says why.")
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), _NO_PAGE]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Mapping[str, Any], receive: Callable) -> tuple[int, bytes]:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        asked = scope["path"], scope["method"]
        if asked[0] in _ALIVE and asked[1] == "GET":
            return await self._within(scope, headers, b"")
        if asked != (_ASKED, "POST"):
            raise Refused(404 if asked[0] != _ASKED else 405, f"send POST {_ASKED}, or GET {_ALIVE[0]}.")
        given = headers.get(b"authorization", "").removeprefix("Bearer ").encode()
        if self._token and not hmac.compare_digest(given, self._token.encode()):
            raise Refused(401, "a token is needed: Authorization: Bearer <token>.")
        try:
            body = await asyncio.wait_for(_whole(receive), SECONDS)
        except TimeoutError as error:
            raise Refused(408, f"the request was not sent within {SECONDS} s.") from error
        return await self._within(scope, headers, checked(body, headers.get(b"content-type", "")))

    async def _within(self, scope: Mapping[str, Any], headers: dict[bytes, str], body: bytes) -> tuple[int, bytes]:
        """Ask the application inside, and clean what it says."""
        said: list[Mapping[str, Any]] = []

        async def receive() -> Mapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            said.append(message)

        kept = [(b"host", headers.get(b"host", "").encode("latin-1")), (b"content-type", b"application/json")]
        kept.append((b"content-length", str(len(body)).encode()))
        await self._inner({**scope, "headers": kept, "query_string": b""}, receive, send)
        status, answer = said[0]["status"], b"".join(one.get("body", b"") for one in said[1:])
        return status, answer if status < 400 else _cleaned(answer)


async def _whole(receive: Callable) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BYTES:
            raise Refused(413, f"the request is larger than {BYTES:,} bytes; send fewer members at a time.")
        if message["type"] != "http.request" or not message.get("more_body"):
            return bytes(body)


def checked(body: bytes, content_type: str) -> bytes:
    """Return the request `body` as JSON for the scorer. Raises Refused, in words, for what it cannot be asked."""
    kind, _, rest = content_type.lower().partition(";")
    charset = rest.partition("charset=")[2].strip(' "') or "utf-8"
    if kind.strip() not in ("application/json", "text/csv") or charset != "utf-8":
        raise Refused(415, f"content type {content_type[:80]!r}: allowed: application/json or text/csv, in UTF-8.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(400, f"the request is not UTF-8 (byte {error.start}).") from error
    found = _of_csv(text) if kind.strip() == "text/csv" else _of_json(text)
    rows = _rows(found)
    if len(rows) > MEMBERS:
        raise Refused(413, f"{len(rows):,} members: allowed: at most {MEMBERS:,} in a request.")
    events = sum(len(row["events"]) for row in rows if isinstance(row.get("events"), list))
    if events > EVENTS:
        raise Refused(413, f"{events:,} events: allowed: at most {EVENTS:,} in a request.")
    params = found.get("params") or {}
    if not isinstance(params, dict) or set(params) - set(PARAMS):
        unknown = _shown(set(params) - set(PARAMS)) if isinstance(params, dict) else type(params).__name__
        raise Refused(400, f"params: {unknown}: unknown; there are: {', '.join(PARAMS)}.")
    _whole_letters("params", *params.values())
    names = [name for name in FIELDS if any(name in row for row in rows)]
    split = {"columns": names, "data": [[row.get(name) for name in names] for row in rows]}
    return json.dumps({"dataframe_split": split} | ({"params": params} if params else {})).encode()


def _of_json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise Refused(400, f"the request is nested more than {DEPTH} deep.") from error
    except ValueError as error:
        raise Refused(400, f"the request is not valid JSON ({str(error)[:200]}).") from error
    if not isinstance(found, dict):
        raise Refused(400, "the request must be an object with dataframe_records or dataframe_split.")
    if _deeper(found, DEPTH):
        raise Refused(400, f"the request is nested more than {DEPTH} deep.")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _of_csv(text: str) -> dict[str, Any]:
    """Return the rows of a CSV body; an empty cell is null, and `events` are JSON within their cell."""
    csv.field_size_limit(BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names, rows = next(reader, []), [row for row in reader if row]
    except csv.Error as error:
        raise Refused(400, f"the request is not valid CSV ({error}).") from error
    if short := [number for number, row in enumerate(rows, 1) if len(row) != len(names)]:
        raise Refused(400, f"CSV row {short[0]}: {len(rows[short[0] - 1])} cells; the header has {len(names)}.")
    cells = [[cell if cell else None for cell in row] for row in rows]
    found: dict[str, Any] = {"dataframe_split": {"columns": names, "data": cells}}
    for row in cells:
        if "events" in names and row[names.index("events")]:
            row[names.index("events")] = _events(row[names.index("events")])
    return found


def _events(cell: str) -> Any:
    wrapped = _of_json(f'{{"events": {cell}}}')
    if set(wrapped) != {"events"}:
        raise Refused(400, "events in a CSV cell must be one JSON list.")
    return wrapped["events"]


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a request, each a mapping with FIELDS alone. Raises Refused."""
    ways = [name for name in ("dataframe_records", "dataframe_split") if name in found]
    if unknown := set(found) - {*ways, "params"}:
        raise Refused(400, f"{_shown(unknown)}: unknown; send dataframe_records or dataframe_split, and params.")
    if len(ways) != 1:
        raise Refused(400, "send either dataframe_records or dataframe_split: one row a member.")
    rows = found[ways[0]]
    if ways[0] == "dataframe_split":
        names, data = _split(rows)
        rows = [dict(zip(names, row, strict=True)) for row in data]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refused(400, "dataframe_records must be a list of objects, one a member.")
    if not rows:
        raise Refused(400, "the request holds no member; send one row a member, with its member_id.")
    if unknown := {name for row in rows for name in row} - set(FIELDS):
        raise Refused(400, f"field {_shown(unknown)}: unknown; there are: {', '.join(FIELDS)}.")
    if lacks := [number for number, row in enumerate(rows, 1) if not isinstance(row.get("member_id"), str)]:
        raise Refused(400, f"row {lacks[0]}: member_id is missing or no text; allowed: an id as text.")
    for number, row in enumerate(rows, 1):
        if not isinstance(row.get("joined_at"), str | None):
            raise Refused(400, f"row {number}: joined_at: allowed: an ISO date as text, or nothing.")
        _whole_letters(f"row {number}", row["member_id"], row.get("joined_at"))
    return rows


def _whole_letters(where: str, *texts: Any) -> None:
    """Raise Refused where one of `texts` has half of a letter, which JSON can name and no text can hold."""
    if any(isinstance(text, str) and _HALF.search(text) for text in texts):
        raise Refused(400, f"{where}: half of a letter (a surrogate); allowed: text that UTF-8 can hold.")


def _split(given: Any) -> tuple[list[str], list[list]]:
    names, data = (given.get("columns"), given.get("data")) if isinstance(given, dict) else (None, None)
    plain = isinstance(names, list) and all(isinstance(name, str) for name in names) and isinstance(data, list)
    if not plain or set(given) - {"columns", "data", "index"}:
        raise Refused(400, "dataframe_split must have columns (a list of names) and data (a list of rows).")
    if len(set(names)) < len(names):
        raise Refused(400, "dataframe_split: a column is there twice.")
    if not all(isinstance(row, list) and len(row) == len(names) for row in data):
        raise Refused(400, f"dataframe_split: every row of data must be a list of {len(names)} cells.")
    return names, data


def _deeper(value: Any, most: int) -> bool:
    """Say whether `value` is nested more than `most` deep."""
    level = [value]
    for _ in range(most):
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
        level = [one for one in level if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def _shown(names: set[Any]) -> str:
    return ", ".join(sorted(repr(str(name)[:60]) for name in names)[:5])


def _said(words: str) -> bytes:
    return json.dumps({"error_code": "BAD_REQUEST", "message": words}).encode()


def _cleaned(answer: bytes) -> bytes:
    """Return what is said of an error, without traces of code and without places of files."""
    try:
        found = json.loads(answer)
        words = found.get("message", "") if isinstance(found, dict) else str(found)
    except ValueError:
        words = answer.decode("utf-8", "replace")
    words = _BEFORE.sub("", str(words)).partition("Traceback (most recent")[0]
    return _said(_PLACE.sub("...", words)[:2000].strip() or "this request cannot be answered.")


def main(arguments: list[str] | None = None) -> int:
    """Serve the registered model behind the door until stopped; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m membership.pipeline.door", description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--host", default="127.0.0.1", help="another address than this machine's own needs a token")
    parser.add_argument("--alias", default="champion", choices=("champion", "challenger"))
    asked = parser.parse_args(arguments)
    token = os.environ.get(TOKEN)
    if not token and asked.host not in ("127.0.0.1", "localhost", "::1"):
        print(f"{TOKEN} is not set: others than this machine need a token; set it and start again.", file=sys.stderr)
        return 1
    import uvicorn

    from membership.pipeline import serve

    try:
        inner = serve.application(asked.alias)
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 1
    uvicorn.run(Door(inner, token), host=asked.host, port=asked.port, log_level="warning", server_header=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
