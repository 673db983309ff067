"""The policy that is live, `champion.json`, and what was ever done to it, `decisions.jsonl`."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from membership.base import files, paths
from membership.base.errors import DataError, ParamError
from membership.recommend import names, policies

_EXAMPLE = '{"policy": "gp_topfreq", "settings": {}, "reason": "the sensible control"}'


def path() -> Path:
    """Return where the truth of what is live is kept."""
    return paths.root() / "champion.json"


def live() -> dict[str, Any]:
    """Return the content of champion.json: policy, settings, reason, and previous where there was one.

    Raises DataError where there is none or it is no such object, ParamError where it names an unknown policy.
    """
    try:
        found = json.loads(path().read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(
            f"{path()}: there is no champion, so nothing can be compared with what is live. Bring the file back with "
            f"`git checkout champion.json`, or write one, e.g. {_EXAMPLE}."
        ) from error
    except OSError as error:
        raise DataError(f"{path()}: cannot be read ({error.strerror}); `git checkout champion.json`.") from error
    except (ValueError, RecursionError) as error:  # also of what is not UTF-8
        told = "nested too deeply" if isinstance(error, RecursionError) else error
        raise DataError(f"{path()}: not valid JSON ({told}); correct it, or `git checkout champion.json`.") from error
    return checked(found)


def challenger() -> dict[str, Any]:
    """Return what challenges the champion, as stage tune has chosen: policy, and settings as in champion.json.

    Where a search of an earlier version has named none it is the model. Raises DataError, naming the file, where it is
    missing or broken.
    """
    file = paths.models("tuned.json")
    tuned = files.read_json(file)
    try:
        return checked(tuned.get("challenger") or {"policy": names.MODEL, "settings": tuned["settings"]})
    except (AttributeError, KeyError) as error:
        raise DataError(f"{file}: names no challenger ({error}); run `dvc repro tune`.") from error


def checked(champion: Any) -> dict[str, Any]:
    """Return `champion` if it, and each one before it, names a known policy and its settings; errors as of `live`."""
    whole = isinstance(champion, dict) and isinstance(champion.get("settings"), dict)
    if not whole or not isinstance(champion.get("policy"), str):
        raise DataError(f"champion.json: a policy (text) and its settings (an object) are needed, e.g. {_EXAMPLE}.")
    if champion["policy"] not in policies.names():
        raise ParamError(
            f"champion.json: policy {champion['policy']!r} is unknown; there are: {', '.join(policies.names())}. "
            "Name one of them, or `git checkout champion.json`."
        )
    if champion.get("previous") is not None:
        checked(champion["previous"])
    return champion


def entry(
    change: str, before: Mapping[str, Any], after: Mapping[str, Any] | None, reasons: str, force: bool = False
) -> dict[str, Any]:
    """Return a line of the log: at (UTC), change, outcome (done, or refused where `after` is none), by, before, after,
    reasons. `by` is rule, or hand where a person decided.
    """
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "change": change,
        "outcome": "refused" if after is None else "done",
        "by": "hand" if force or change == "rollback" else "rule",
        "before": before["policy"],
        "after": (before if after is None else after)["policy"],
        "reasons": reasons,
    }


def append(line: Mapping[str, Any]) -> None:
    """Add a line to `decisions.jsonl`, beside champion.json and in git as it is: nothing in it is ever changed."""
    log = path().with_name("decisions.jsonl")
    before = log.read_text(encoding="utf-8") if log.exists() else ""
    files.write_text(log, before + json.dumps(dict(line), ensure_ascii=False) + "\n")
