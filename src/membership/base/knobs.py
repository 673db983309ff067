"""Every knob of `params.yaml`: its type, its unit and its allowed range. `params.yaml` alone holds the values."""

import codecs
import re
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from membership.base.schemas import ALL, KINDS
from membership.base.timeline import Window

Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Days = Annotated[int, Field(ge=1, le=3660)]
Count = Annotated[int, Field(ge=1)]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a known time zone; allowed: an IANA name such as Europe/Berlin or UTC")
    return name


def _known_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise ValueError("not a known encoding; allowed: a name such as utf-8, latin-1, cp1252 or gb18030") from error


def _regular(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression ({error})") from error
    return pattern


Zone = Annotated[str, AfterValidator(_known_zone)]
Encoding = Annotated[str, AfterValidator(_known_encoding)]
Pattern = Annotated[str, AfterValidator(_regular)]
Kind = Literal[KINDS]

DERIVED = ("event_id", "local_at", "quantity", "amount", "discount", "currency", "name")  # where files do not give them
ITEM_COLUMNS = ("name", "category", "subcategory", "brand")  # may stand on the rows of events


class Section(BaseModel):
    """A section of `params.yaml`: unknown and missing keys are errors, and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class FileTable(Section):
    """How files of the user become one canonical table (its columns: `base.tables`).

    Every canonical column is one of theirs (`columns`) or the same for all rows (`constants`).
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    paths: Annotated[list[str], Field(min_length=1)]  # CSV (also .gz) or Parquet: files or patterns such as raw/*.csv
    columns: dict[str, str]  # canonical column -> their column
    constants: dict[str, str] = {}  # canonical column -> one value for all rows
    kinds: dict[str, Kind] = {}  # their kind of event -> ours; empty: the kinds are ours already
    amount: Literal["total", "unit_price"] = "total"  # amount is what was paid for the line, or for one unit
    time_format: str | None = None  # of all times in the table, as in strptime; null: ISO 8601
    year: Annotated[int, Field(ge=1970, le=2100)] | None = None  # where time_format has no year
    timezone: Zone = "UTC"  # of times that do not say theirs
    encoding: Encoding = "utf-8"  # of CSV, as is delimiter
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."  # the mark before the cents


class Files(Section):
    """The user's own tables; `events` alone is enough, members and items then follow from it."""

    events: FileTable | None = None
    members: FileTable | None = None
    items: FileTable | None = None
    survey: FileTable | None = None
    offers: FileTable | None = None
    exposures: FileTable | None = None

    @model_validator(mode="after")
    def _columns_fit(self):
        for name, mapping in self:
            if mapping is not None:
                _check_columns(name, mapping)
        return self


def _check_columns(name: str, mapping: FileTable) -> None:
    """Raise ValueError where `mapping` lacks a column that table `name` needs, or names one that it has not."""
    table = ALL[name]
    ours = [*table.columns, *(ITEM_COLUMNS if name == "events" else ())]
    given = {*mapping.columns, *mapping.constants}
    allowed = [column for column in ours if column != "local_at"]
    unknown = sorted(given - set(allowed)) if not table.open else []
    if unknown:
        raise ValueError(f"{name}: unknown column {', '.join(unknown)}; allowed: {', '.join(allowed)}")
    needed = [column for column, rule in table.columns.items() if not rule.nullable and column not in DERIVED]
    missing = [column for column in needed if column not in given]
    if missing:
        raise ValueError(f"{name}: no column for {', '.join(missing)}; add it to columns or to constants")


class Simulate(Section):
    """The size and the temper of a simulated market."""

    members: Count
    items: Count
    days: Annotated[int, Field(ge=60, le=3660)]
    start: date
    orders_per_month: Positive
    rate_shape: Positive
    churn_per_year: Annotated[float, Field(ge=0, lt=1)]
    churn_shape: Positive
    views_per_order: NotNegative
    survey_response: Share
    offers: Annotated[int, Field(ge=0)]
    offer_response: Annotated[float, Field(ge=0, le=0.5)]


class Dataset(Section):
    """Where behaviour comes from."""

    source: Literal["complete_journey", "files", "simulate"]
    timezone: Zone
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    max_members: Count | None
    files: Files
    simulate: Simulate


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


class Windows(Section):
    """The three windows of time, as local dates, half-open."""

    start: date
    calibration_end: date
    validation_end: date
    holdout_end: date

    @model_validator(mode="after")
    def _in_order(self):
        dates = [self.start, self.calibration_end, self.validation_end, self.holdout_end]
        if any(earlier >= later for earlier, later in pairwise(dates)):
            raise ValueError("dates must follow each other: start < calibration_end < validation_end < holdout_end")
        return self

    @property
    def as_of(self) -> date:
        """The day for which members are scored: everything before it is known, nothing on or after it."""
        return self.validation_end

    @property
    def calibration(self) -> Window:
        """Where models are fitted."""
        return Window(self.start, self.calibration_end)

    @property
    def validation(self) -> Window:
        """Where models and settings are chosen."""
        return Window(self.calibration_end, self.validation_end)

    @property
    def holdout(self) -> Window:
        """Where what was chosen is judged, once."""
        return Window(self.validation_end, self.holdout_end)


class Economics(Section):
    """What a purchase is worth to the programme."""

    margin_rate: Level
    repurchase_days: Days
    discount_rate: Share


class Features(Section):
    """What behaviour is turned into."""

    min_category_share: Share


class Value(Section):
    """How members are valued."""

    horizon_days: Days
    choose_by: Literal["rmse", "mae", "gini", "spearman"]
    penalizer: NotNegative
    clip_share: Annotated[float, Field(ge=0, lt=0.5)]
    confidence: Level
    bootstrap: Annotated[int, Field(ge=20, le=10000)]
    high_value_share: Level
    at_risk_p_alive: Level


class Lifecycle(Section):
    """When a member changes stage, in multiples of the member's own usual gap between purchases."""

    new_days: Days
    loyal_orders: Count
    loyal_days: Days
    rhythm_quantile: Level
    at_risk_gaps: Positive
    lapsed_gaps: Positive
    lapsed_days: Days

    @model_validator(mode="after")
    def _in_order(self):
        if self.at_risk_gaps >= self.lapsed_gaps:
            raise ValueError("at_risk_gaps must be smaller than lapsed_gaps")
        return self


class Profile(Section):
    """Needs, personas and lifecycle."""

    personas: Annotated[int, Field(ge=2, le=20)]
    min_purchase_days: Count
    min_category_share: Share
    lifecycle: Lifecycle


class Tier(Section):
    """One tier: the share of members it is meant for and what keeps them in it."""

    name: str
    share: Share
    points_multiplier: Positive


class Tiers(Section):
    """Tiers from value, with a rule on spend."""

    levels: Annotated[list[Tier], Field(min_length=2)]
    qualifying_days: Days
    grace_share: Share
    points_per_unit: NotNegative
    points_expire_days: Days

    @model_validator(mode="after")
    def _add_up(self):
        total = sum(level.share for level in self.levels)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares of all levels must add up to 1; they add up to {total:g}")
        names = [level.name for level in self.levels]
        if len(set(names)) < len(names):
            raise ValueError(f"every level needs its own name; there are {names}")
        return self


class Benefit(Section):
    """A benefit: what it costs and what it is assumed to change."""

    name: str
    cost: NotNegative
    cost_share: Share
    uplift: Share
    min_tier: Annotated[int, Field(ge=0)]


class Benefits(Section):
    """The catalogue and the budget."""

    budget: NotNegative
    max_per_member: Count
    min_tier_share: Share
    catalogue: Annotated[list[Benefit], Field(min_length=1)]

    @model_validator(mode="after")
    def _named(self):
        names = [benefit.name for benefit in self.catalogue]
        if len(set(names)) < len(names):
            raise ValueError(f"every benefit needs its own name; there are {names}")
        return self


class GPTopFreq(Section):
    """Own counts, then popularity; `ties` says which of two equal counts comes first."""

    ties: Literal["popularity", "first_bought"]


class Upcf(Section):
    """UP-CF@r."""

    recency: Count
    alpha: Share
    locality: NotNegative


class Tifuknn(Section):
    """TIFUKNN."""

    neighbours: Count
    within_decay: Share
    group_decay: Share
    alpha: Share
    groups: Count


class Peers(Section):
    """The baselines that the model is compared with, and their settings."""

    g_topfreq: Section
    p_topfreq: Section
    gp_topfreq: GPTopFreq
    upcf: Upcf
    tifuknn: Tifuknn


class Recommend(Section):
    """What is recommended to whom, and the settings of the peers."""

    k: Annotated[int, Field(ge=1, le=100)]
    min_item_purchases: Count
    min_baskets: Count
    max_baskets: Count
    peers: Peers


class Range(Section):
    """Numbers from `low` to `high`, drawn evenly on a linear or a logarithmic scale."""

    low: NotNegative
    high: NotNegative
    scale: Literal["linear", "log"]

    @model_validator(mode="after")
    def _in_order(self):
        if self.low > self.high or (self.scale == "log" and self.low == 0):
            raise ValueError("low must be at most high, and above 0 on a log scale")
        return self


class Space(Section):
    """Where the settings of the model are looked for."""

    learning_rate: Range
    weight_decay: Range
    dropout: Range
    hidden: Annotated[list[Count], Field(min_length=1)]


class Tune(Section):
    """The search for the model's settings, on the validation window only."""

    trials: Count
    pruning_warmup: Annotated[int, Field(ge=0)]
    space: Space


class Train(Section):
    """How the model is trained, whatever its settings."""

    origins: Count
    origin_step_days: Days
    neighbour_candidates: Annotated[int, Field(ge=0, le=1000)]
    negative_share: Annotated[float, Field(gt=0, le=1)]
    epochs: Count
    batch_size: Count


class Evaluate(Section):
    """How the policy is judged."""

    primary_metric: str
    confidence: Level
    bootstrap: Annotated[int, Field(ge=100, le=100000)]
    aa_repeats: Annotated[int, Field(ge=20, le=10000)]
    aa_band: Level
    power: Level


class Guardrail(Section):
    """A metric that may not get worse by more than `margin` (absolute)."""

    metric: str
    margin: NotNegative


class NextActions(Section):
    """What to do next with a member in each lifecycle stage, in words."""

    prospect: str
    new: str
    active: str
    loyal: str
    at_risk: str
    lapsed: str
    won_back: str


class Decide(Section):
    """The rule by which the challenger replaces the champion, and what follows for a member."""

    margin: NotNegative
    guardrails: list[Guardrail]
    next_actions: NextActions


class Check(Section):
    """How closely another machine must reproduce the committed metrics."""

    metrics: dict[str, NotNegative]


class Params(Section):
    """All of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)]
    device: Literal["auto", "cpu", "cuda"]
    dataset: Dataset
    clean: Clean
    windows: Windows
    economics: Economics
    features: Features
    value: Value
    profile: Profile
    tiers: Tiers
    benefits: Benefits
    recommend: Recommend
    tune: Tune
    train: Train
    evaluate: Evaluate
    decide: Decide
    check: Check
    quick: dict[str, bool | int | float | str | list | None]

    @model_validator(mode="after")
    def _sources_fit(self):
        if self.dataset.source == "files" and self.dataset.files.events is None:
            raise ValueError("dataset.files.events: missing; dataset.source 'files' needs a mapping of events")
        if self.economics.repurchase_days > self.windows.holdout.days:
            raise ValueError(
                f"economics.repurchase_days = {self.economics.repurchase_days}: longer than the holdout "
                f"{self.windows.holdout} of {self.windows.holdout.days} days; allowed: at most that"
            )
        return self
