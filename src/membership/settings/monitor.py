"""How members, scores and what came true are watched from one period to the next."""

from typing import Annotated

from pydantic import Field, model_validator

from membership.settings.section import Days, Level, Positive, Section


class Threshold(Section):
    """Below `watch` a distance is stable, from `drifted` on it has drifted."""

    watch: Annotated[float, Field(gt=0)]
    drifted: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _in_order(self):
        if self.watch >= self.drifted:
            raise ValueError(f"watch = {self.watch} must be below drifted = {self.drifted}")
        return self


class Retrain(Section):
    """When models are to be trained anew: any of these, and always more than chance explains."""

    age_days: Days = 35  # of the models, from which they are too old
    drift: bool = True  # whether a feature or forecast that has drifted asks for it
    slope: Positive = 0.2  # of the calibration slope of repurchase from 1, at least
    log_loss: Positive = 0.02  # rise of the log loss of repurchase above what the forecasts expect of themselves


class Monitor(Section):
    """How members, scores and what came true are watched from one period to the next."""

    # columns of `features`; what grows with history for everybody, e.g. age_days, is left out
    features: Annotated[list[str], Field(min_length=1)] = [
        "days_since_last", "median_gap_days", "gap_spread", "basket_items", "orders_30d", "spend_30d",
        "discount_share", "weekend_share", "evening_share", "main_channel_share",
    ]  # fmt: skip
    psi: Threshold = Threshold(watch=0.1, drifted=0.25)  # population stability index
    ks: Threshold = Threshold(watch=0.1, drifted=0.2)  # Kolmogorov-Smirnov distance
    ratio: Threshold = Threshold(watch=0.1, drifted=0.25)  # of realised over predicted from 1
    slope: Threshold = Threshold(watch=0.2, drifted=0.5)  # of the calibration slope from 1
    confidence: Level = 0.95  # of intervals and of what chance allows
    retrain: Retrain = Retrain()
    min_members: Annotated[int, Field(ge=2)] = 30  # members of a tier or stage below which it is shown but not called
