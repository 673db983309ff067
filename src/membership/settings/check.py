"""How closely another machine must reproduce the committed metrics."""

from membership.settings.section import NotNegative, Section


class Check(Section):
    """How closely another machine must reproduce the committed metrics."""

    metrics: dict[str, NotNegative]
