"""Which events are impossible or implausible, which items are no products, and what happens to doubtful rows."""

import re
import warnings
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from membership.settings.section import Count, Section


def _regular(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression ({error})") from error
    return pattern


def _renamed(action: object) -> object:
    if action != "mended":
        return action
    warnings.warn("params.yaml: clean.item_case: 'mended' is called 'unified' now; please rename it.", stacklevel=2)
    return "unified"


Pattern = Annotated[str, AfterValidator(_regular)]


class Clean(Section):
    """Which events are impossible or implausible, which items are no products, and what happens to doubtful rows."""

    earliest: date
    latest: date
    cancellation_pattern: Pattern
    product_pattern: Pattern
    non_product_pattern: Pattern
    item_case: Annotated[Literal["kept", "unified"], BeforeValidator(_renamed)]
    zero_amounts: Literal["kept", "dropped"]
    exact_duplicates: Literal["kept", "dropped"]
    outlier_quantity: Count
    outlier_amount: Count
