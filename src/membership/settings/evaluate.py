"""How the policy is judged."""

from typing import Annotated

from pydantic import Field

from membership.settings.section import Level, Positive, Section


class Evaluate(Section):
    """How the policy is judged."""

    primary_metric: str = "recall_at_10"  # the one metric that decides, better the higher it is
    confidence: Level = 0.95  # of intervals
    bootstrap: Annotated[int, Field(ge=100, le=100000)] = 2000  # draws
    aa_repeats: Annotated[int, Field(ge=20, le=10000)] = 500  # A/A splits
    aa_band: Level = 0.99  # joint probability of the bands in which honest A/A rejections and coverage lie
    # resampled markets in which intervals should hold the truth
    coverage_repeats: Annotated[int, Field(ge=20, le=10000)] = 200
    # column of table `members` that names who belongs together, e.g. a household, and may fare alike; null: none
    cluster: str | None = None
    power: Level = 0.8  # of the smallest detectable difference
    salt: Annotated[str, Field(min_length=1)] = "next-basket-1"  # of the hash that gives members an arm
    sample_ratio_p: Level = 0.001  # below this p value of the arms' sizes the randomised reading is withheld
    # differences of the primary metric that the live test is planned for
    worth: Annotated[list[Positive], Field(min_length=1)] = [0.005, 0.01, 0.02]
    plan_weeks: Annotated[int, Field(ge=1, le=104)] = 12  # that it may take at most
