"""Passwords in addresses: found, and never shown."""

import re

_IN_URL = re.compile(r"(://[^\s:/@?#]*:)\S*@")
_AS_OPTION = re.compile(r"(?i)([?&;](?:password|passwd|pwd|token|secret)=)[^&;\s'\"]+")


def held(url: str) -> bool:
    """Say whether `url` holds a password.

    >>> held("postgresql://me:pa/ss@host/db"), held("https://host/?token=x"), held("postgresql://me@host:5432/db")
    (True, True, False)
    """
    return bool(_IN_URL.search(url) or _AS_OPTION.search(url))


def masked(text: str) -> str:
    """Return `text` without the passwords in it.

    >>> masked("sqlite:///a.db, mysql://me:x@host/?password=y")
    'sqlite:///a.db, mysql://me:***@host/?password=***'
    """
    return _AS_OPTION.sub(r"\1***", _IN_URL.sub(r"\1***@", text))
