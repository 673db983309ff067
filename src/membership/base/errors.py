"""Errors for the person at the keyboard: what, where, what is allowed, what to do next."""

from membership.base import secret


class ProjectError(Exception):
    """An error that its reader can fix; it is shown as one message, without a traceback and without passwords."""

    def __init__(self, message: object = "") -> None:
        super().__init__(secret.masked(str(message)))


class ParamError(ProjectError):
    """A parameter that is unknown, missing, of the wrong type, or impossible."""


class DataError(ProjectError):
    """Data that are missing, malformed, or too few to work with."""


class NotPossible(DataError):
    """What these data cannot tell. A stage says so and is stepped over: the pipeline goes on without it."""
