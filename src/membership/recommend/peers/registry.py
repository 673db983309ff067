"""All peers. A new one is a module beside this one, and its name in the list below."""

from collections.abc import Mapping
from typing import Any

from membership.base.errors import ParamError
from membership.recommend.peers import (  # noqa: F401  (importing a peer registers it)
    als,
    content,
    ease,
    g_topfreq,
    gp_topfreq,
    intensity,
    item_knn,
    newest,
    p_topfreq,
    tifuknn,
    upcf,
)
from membership.recommend.peers.peer import PEERS, Peer
from membership.settings.section import Section


def names() -> list[str]:
    """Return the names of all peers, sorted: in whatever order their modules were imported."""
    return sorted(PEERS)


def get(name: str) -> Peer:
    """Return the peer called `name`. Raises ParamError, naming all, where there is none."""
    if name not in PEERS:
        raise ParamError(f"peer '{name}': unknown; there are: {', '.join(names())}.")
    return PEERS[name]


def settings(overrides: Mapping[str, Mapping[str, Any]]) -> dict[str, Section]:
    """Return the settings of all peers: their defaults, under `overrides`, the section recommend.peers.

    Raises ParamError for an unknown peer or setting, or an impossible value.
    """
    for name in overrides:
        get(name)
    return {name: PEERS[name].checked(overrides.get(name) or {}) for name in names()}
