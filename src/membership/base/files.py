"""Files that are either whole or not there."""

import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from membership.base.errors import DataError, NotPossible

NOT_POSSIBLE = "not_possible"  # in a JSON object: why a stage could not make it; see `absent`

_ASKING = Lock()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` and move it there only if the block succeeds.

    The old file stays until the new one is complete. Raises DataError, naming the file, where the disk is
    full or the folder cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error.strerror or error}); the old file, if any, is untouched. "
            "Free some space or check the folder's permissions, then run again."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    """Return the user's umask, which can be read by setting it alone."""
    with _ASKING:
        mask = os.umask(0o077)
        os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: dict | list) -> None:
    """Write `value` as JSON, keys sorted, whole or not at all; NaN and infinities become null."""
    write_text(path, json.dumps(_plain(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict:
    """Read a JSON object.

    Raises DataError, naming the file, where it is missing or broken, NotPossible where it only says why it is empty.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; run `dvc repro` to make it.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); it must be a file that you may read.") from error
    except (ValueError, RecursionError) as error:  # also of what is not UTF-8
        raise DataError(f"{path}: not valid JSON ({_short(error)}); delete it and run `dvc repro`.") from error
    if isinstance(found, dict) and NOT_POSSIBLE in found:
        raise NotPossible(found[NOT_POSSIBLE])
    return found


def _short(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
