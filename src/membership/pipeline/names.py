"""Any text as a name and a value that MLflow takes: the one place where names for MLflow are made safe.

MLflow refuses a name with other signs than letters, digits and `_-. /`, one that reads like a path to elsewhere, and a
long one; and it would do so after a stage's work is done. Such a name keeps what may stay and gets eight hex digits of
its own hash, so that two names stay two.
"""

import hashlib
import re
from typing import Any

LONGEST = 250  # characters of a name
VALUE = 5000  # characters of a parameter or tag; MLflow takes 6000 and 8000
_ALLOWED = re.compile(r"[\w.\- ]+(?:/[\w.\- ]+)*")
_OTHER = re.compile(r"[^\w.\- /]|(?<![^/])/|/(?![^/])")  # signs, and slashes with nothing on one side


def name(text: str) -> str:
    """Return `text` as a name of a parameter, metric or tag; what may stand stays as it is.

    >>> name("needs.survey.What next?"), name("recall_at_10"), name("dep/data/events.parquet")
    ('needs.survey.What next_-9e0947b6', 'recall_at_10', 'dep/data/events.parquet')
    """
    parts = text.split("/")
    if _ALLOWED.fullmatch(text) and len(text) <= LONGEST and not {".", ".."} & set(parts):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    kept = _OTHER.sub("_", text).replace("..", "__")
    kept = "/".join("_" if part == "." else part for part in kept.split("/"))
    return f"{kept[: LONGEST - 9]}-{digest}"


def value(given: Any) -> str:
    """Return `given` as the value of a parameter or tag: cut where it is too long, and text that any database takes."""
    text = str(given).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    return text if len(text) <= VALUE else f"{text[: VALUE - 3]}..."


def title(given: Any) -> str:
    """Return `given` as the name of a run: one line, any signs."""
    text = " ".join(value(given).split()) or "-"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
