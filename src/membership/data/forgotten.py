"""Who was forgotten, so that nobody comes back with the next delivery of the source: salted hashes, no ids.

They are in `data/forgotten.json`, outside git, and hold for this checkout. The hash of an id that can be guessed can be
guessed, too: guard the file like the data.
"""

import hashlib
import secrets

import pandas as pd

from membership.base import files, paths

_FILE = "forgotten.json"


def add(member: str) -> None:
    """Let `member` be left out of what is read from now on."""
    found = _read()
    digest = _digest(found["salt"], member)
    if digest not in found["members"]:
        files.write_json(paths.data(_FILE), found | {"members": sorted([*found["members"], digest])})


def among(members: pd.Series) -> pd.Index:
    """Return those of `members` (ids) who were forgotten."""
    found = _read()
    gone = set(found["members"])
    ids = pd.Index(pd.unique(members)) if gone else pd.Index([])
    return ids[[_digest(found["salt"], str(one)) in gone for one in ids]]


def _read() -> dict:
    path = paths.data(_FILE)
    return files.read_json(path) if path.exists() else {"salt": secrets.token_hex(16), "members": []}


def _digest(salt: str, member: str) -> str:
    return hashlib.sha256(f"{salt}/{member}".encode("utf-8", "surrogatepass")).hexdigest()
