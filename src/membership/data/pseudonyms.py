"""Pseudonyms: what stands for a member in everything that leaves `data/`.

Tables in `data/` hold ids as the source has them: order, samples, splits and arms follow them, so that no number
depends on the key. A pseudonym is `m_` and 64 bits of HMAC-SHA256 of the id. The key is in the environment
(MEMBERSHIP_KEY) or in the file `.membership_key` of the checkout, which is made at first use and is not in git.
"""

import hmac
import os
import re
import secrets
from pathlib import Path

import pandas as pd

from membership.base import paths, tables
from membership.base.errors import DataError, ParamError

KEY, NEW_KEY = "MEMBERSHIP_KEY", "MEMBERSHIP_NEW_KEY"  # in the environment
FILE, PENDING = ".membership_key", ".membership_key.new"  # the second: of a rotation that is not over
PATTERN = re.compile(r"m_[0-9a-f]{16}")
_SHORTEST = 16  # characters of a key
_LOST = (
    "bring back the key with which it was written ($MEMBERSHIP_KEY or .membership_key), or remove it if nobody needs it"
)


def of(members: pd.Series, key: bytes | None = None) -> pd.Series:
    """Return the pseudonym of each of `members`; those of one key, the project's unless another is given."""
    key, ids = key or current(), pd.unique(members)
    return members.map({one: _pseudonym(str(one), key) for one in ids}).astype("str")


def masked(frame: pd.DataFrame, key: bytes | None = None) -> pd.DataFrame:
    """Return `frame` with pseudonyms in its column member_id, in the order of these: it tells nothing of the ids."""
    return frame.assign(member_id=of(frame["member_id"], key)).sort_values(
        "member_id", kind="stable", ignore_index=True
    )


def unmasked(frame: pd.DataFrame, source: str | Path) -> pd.DataFrame:
    """Return `frame` with the ids of table `members` where its column member_id has their pseudonyms.

    What is no pseudonym stays, and so does that of somebody who is in `members` no more. Raises DataError, naming
    `source`, where there are pseudonyms and none is of this key.
    """
    found = frame["member_id"].astype("str")
    strange = found.str.fullmatch(PATTERN.pattern).fillna(False).astype(bool)
    if not strange.any():
        return frame
    members = known()
    meant = dict(zip(of(members), members, strict=True))
    if meant and not found[strange].isin(meant.keys()).any():
        raise DataError(
            f"{source}: none of its {found[strange].nunique():,} pseudonyms is of a member in data/ by this key; "
            f"{_LOST}."
        )
    return frame.assign(member_id=found.map(lambda one: meant.get(one, one)).astype("str"))


def known() -> pd.Series:
    """Return the ids of table `members` and of all who were ever assigned in a trial, sorted; none: empty."""
    parts = [
        pd.read_parquet(path, columns=["member_id"])["member_id"]
        for name in ("members", "assignments")
        if (path := tables.ALL[name].path()).exists()
    ]
    ids = pd.concat(parts).drop_duplicates().sort_values(ignore_index=True) if parts else pd.Series(dtype="str")
    return ids.rename("member_id")


def find(asked: str) -> str:
    """Return the id of the member that `asked` names by id or by pseudonym; what is neither, as it is."""
    if PATTERN.fullmatch(asked):
        members = known()
        same = members[of(members).to_numpy() == asked]
        return same.iloc[0] if len(same) else asked
    return asked


def current() -> bytes:
    """Return the key; a new one is made where there is none.

    Raises ParamError where it is too short, DataError where a rotation was broken off.
    """
    if text := os.environ.get(KEY):
        return _checked(text, f"${KEY}")
    path = paths.checkout() / FILE
    if (paths.checkout() / PENDING).exists():
        raise DataError(f"{paths.checkout() / PENDING}: a rotation of the key was broken off; run `make rotate-key`.")
    if not path.exists():
        write_new(path)
    return _checked(_read(path), str(path))


def write_new(path: Path) -> bytes:
    """Make a new key in the file `path`, which only its owner may read, unless another process is there first."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    except FileExistsError:
        pass
    except OSError as error:
        raise DataError(
            f"{path}: the key of the pseudonyms cannot be written ({error.strerror}); set ${KEY}."
        ) from error
    return _checked(_read(path), str(path))


def from_file(path: Path) -> bytes:
    """Return the key in the file `path`, with the errors of `current`."""
    return _checked(_read(path), str(path))


def from_text(text: str, where: str) -> bytes:
    """Return the key that `text` is. Raises ParamError, naming `where` it stands, where it is too short."""
    return _checked(text, where)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParamError(f"{path}: the key cannot be read ({error}); allowed: text of a line.") from error


def _checked(text: str, where: str) -> bytes:
    key = text.strip()
    if len(key) < _SHORTEST:
        raise ParamError(
            f"{where}: the key of the pseudonyms has {len(key)} characters; allowed: {_SHORTEST} and more, by chance."
        )
    return key.encode()


def _pseudonym(member: str, key: bytes) -> str:
    return f"m_{hmac.digest(key, member.encode('utf-8', 'surrogatepass'), 'sha256').hex()[:16]}"
