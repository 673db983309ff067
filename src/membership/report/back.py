"""What pages call it when a member comes back: an order, a renewal, a visit, a trip (`report.order_word`)."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from membership.base import paths
from membership.report import language
from membership.settings import params
from membership.settings.report import SOURCE, Report


@dataclass(frozen=True)
class Back:
    """The word, of `one` and of `many`."""

    one: str
    many: str

    @property
    def a(self) -> str:
        """With its article, in English.

        >>> Back("order", "orders").a, Back("visit", "visits").a
        ('an order', 'a visit')
        """
        if language.current() != SOURCE:
            return self.one
        return f"{'an' if self.one[:1].lower() in 'aeiou' else 'a'} {self.one}"


def word() -> Back:
    """Return the word of the project's parameters, in the language that is spoken."""
    return Back(*language.field_word(*_given(paths.root())))


@cache
def _given(root: Path) -> tuple[str, str]:
    one, many = Report.model_validate(params.read(root / "params.yaml").get("report") or {}).order_word
    return one, many
