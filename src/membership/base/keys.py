"""Keys of metrics, made of names that people gave: plain where that tells them apart, and never one key for two."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable


def of(names: Iterable[str], plain: Callable[[str], str] = str.lower) -> dict[str, str]:
    """Return name -> key: `plain(name)`, and with eight digits of its hash where several names have the same.

    >>> of(["Gold", "Member"]), of(["VIP", "vip"])
    ({'Gold': 'gold', 'Member': 'member'}, {'VIP': 'vip-986e2890', 'vip': 'vip-f9505a73'})
    """
    each = {name: plain(name) for name in names}
    count = Counter(each.values())
    return {name: key if count[key] == 1 else f"{key}-{_digest(name)}" for name, key in each.items()}


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:8]
