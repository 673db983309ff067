"""What is impossible, beyond belief or no product, and what becomes of doubtful rows."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator

from membership.settings.section import Count, Section


def _regular(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression ({error})") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_regular)]


class Clean(Section):
    """What is impossible, beyond belief or no product, and what becomes of doubtful rows."""

    earliest: date
    latest: date
    cancellation_pattern: Pattern
    product_pattern: Pattern
    non_product_pattern: Pattern
    item_case: Literal["kept", "mended"]
    zero_amounts: Literal["kept", "dropped"]
    exact_duplicates: Literal["kept", "dropped"]
    outlier_quantity: Count
    outlier_amount: Count
