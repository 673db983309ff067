"""Events of tests with what they mean, as ingest marks them by the default settings or by others."""

from membership.data import meaning
from membership.settings.economics import Economics


def meant(frame, **settings):
    """Return `frame` (with `kind`) with the columns of meaning; `settings` of `economics` differ from the defaults."""
    return meaning.meant(frame, Economics(**settings))
