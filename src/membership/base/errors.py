"""Errors for the person at the keyboard: what, where, what is allowed, what to do next."""


class ProjectError(Exception):
    """An error that its reader can fix; it is shown as one message, without a traceback."""


class ParamError(ProjectError):
    """A parameter that is unknown, missing, of the wrong type, or impossible."""


class DataError(ProjectError):
    """Data that are missing, malformed, or too few to work with."""


class NotPossible(DataError):
    """What these data cannot tell. A stage says so and is stepped over: the pipeline goes on without it."""
