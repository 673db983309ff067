"""Live tests: who is meant to get what, by chance, from when to when, and when a reading counts."""

from datetime import date
from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from membership.base.member_schemas import STAGES
from membership.settings.section import Level, Positive, Section, Share, without_password

MEMBER, PERIOD = "member", "period"
OUTSIDE = "outside"  # the arm of who is eligible and takes no part, where shares leave some
HOLDOUT = "holdout"  # the name under which the global holdout is stored, as a trial has its name
LIVE_POLICIES = ("champion", "challenger")
ITEM_RULES = ("most_likely", "most_incremental")
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]


class Eligible(Section):
    """Who takes part: everybody who passes all of it; what is left out lets everybody pass."""

    stages: Annotated[list[Literal[STAGES]], Field(min_length=1)] | None = None  # of the lifecycle
    tiers: Annotated[list[str], Field(min_length=1)] | None = None  # names
    # column of what is known of members, e.g. p_repurchase -> [low, high), either may be null
    where: dict[str, tuple[float | None, float | None]] = {}


class Trial(Section):
    """One trial as declared; `arms` in order, the first one is the control."""

    name: Name
    what: Literal["list", "benefit", "offered_item"]  # what is randomised; thresholds of tiers: tiers.jitter
    arms: dict[Name, Annotated[float, Field(gt=0, lt=1)]]  # arm -> share of those eligible; the rest takes no part
    # arm -> what it gives: list: champion | challenger; benefit: its name; offered_item: most_likely or
    # most_incremental. An arm not named here gets what it would without it
    gives: dict[str, str] = {}
    start: date | None = None  # null: a rehearsal, assigned on windows.as_of and read on what happened, never served
    end: date | None = None  # the first day on which nobody is assigned any more; null: the day after `start`
    # days for which a member is served the own arm, economics.repurchase_days at least; a period's are its own
    serve_days: Annotated[int, Field(ge=1, le=366)] = 14
    unit: Annotated[str, Field(min_length=1)] = MEMBER  # member | period (switchback) | column of `members`
    period_days: Annotated[int, Field(ge=1, le=366)] = 7  # of a switchback
    strata: list[str] = []  # columns of what is known of members; arms of a stratum are as large as planned, within one
    eligible: Eligible = Eligible()
    salt: Annotated[str, Field(min_length=1)] | None = None  # of the hash; null: the name
    worth: Positive = 0.03  # relative change of the repurchase rate that is worth finding

    @property
    def control(self) -> str:
        """The arm that the others are compared with."""
        return next(iter(self.arms))

    @property
    def rehearsal(self) -> bool:
        """Whether it is only rehearsed: nobody is ever treated."""
        return self.start is None

    @property
    def things(self) -> frozenset[str]:
        """What is randomised: two trials with a thing in common may not have the same members at the same time."""
        named = set(self.gives.values()) if self.what == "benefit" else set()
        return frozenset(f"{self.what} {name}" for name in named) or frozenset({self.what})

    @field_validator("what", mode="before")
    @classmethod
    def _not_by_a_trial(cls, what):
        if what == "tier_threshold":
            raise ValueError(
                "tiers are reviewed before trials are assigned, so no arm reaches them; thresholds "
                "that differ between members at random are tiers.jitter (share, amounts), which stage tiers applies "
                "and reads"
            )
        return what

    @model_validator(mode="after")
    def _possible(self):
        total = sum(self.arms.values())
        if len(self.arms) < 2 or total > 1 + 1e-9:
            raise ValueError(
                f"trial {self.name!r}: {len(self.arms)} arms with shares that sum to {total:g}; allowed: two arms or "
                "more, each with a share above 0, together at most 1"
            )
        if OUTSIDE in self.arms or self.name == HOLDOUT:
            raise ValueError(f"trial {self.name!r}: {OUTSIDE!r} is no name of an arm, {HOLDOUT!r} none of a trial")
        if unknown := set(self.gives) - set(self.arms):
            raise ValueError(f"trial {self.name!r}: gives names {', '.join(sorted(unknown))}, which is no arm of it")
        allowed = {"list": LIVE_POLICIES, "offered_item": ITEM_RULES}.get(self.what)
        if allowed and (wrong := {given for given in self.gives.values() if given not in allowed}):
            raise ValueError(f"trial {self.name!r} on {self.what}: gives {wrong}; allowed: {', '.join(allowed)}")
        if self.end is not None and (self.start is None or self.end <= self.start):
            raise ValueError(f"trial {self.name!r}: end = {self.end} must be after its start = {self.start}")
        if self.unit == PERIOD and self.strata:
            raise ValueError(f"trial {self.name!r}: periods are balanced in blocks of time; leave strata out")
        return self


class Trials(Section):
    """All trials, and what holds for each of them."""

    # members who get no benefit and take part in no trial, for good: what the programme as a whole brings
    holdout_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    holdout_salt: Annotated[str, Field(min_length=1)] = "holdout"
    # URL, without a password, of the database in which the scorer logs what it showed; null: the file trials.db
    log: str | None = None
    gate: Level = 0.001  # p value of a gate below which a trial is not read
    confidence: Level = 0.95  # of intervals
    power: Level = 0.8  # of the smallest detectable difference
    discoveries: Share = 0.1  # false discovery rate of subgroups
    net_margin: Annotated[float, Field(ge=0)] = 0.0  # cents a member of net margin that a trial may lose and be adopted
    aa_periods: Annotated[int, Field(ge=1, le=52)] = 8  # earlier periods in which the rehearsal is repeated
    aa_salts: Annotated[int, Field(ge=20, le=10000)] = 60  # salts by which it is repeated
    declared: list[Trial] = []

    @field_validator("log")
    @classmethod
    def _no_password(cls, url):
        return without_password(url)

    @model_validator(mode="after")
    def _each_once(self):
        names = [trial.name for trial in self.declared]
        salts = [trial.salt or trial.name for trial in self.declared]
        for what, found in (("trial", names), ("salt", salts)):
            if doubled := sorted({one for one in found if found.count(one) > 1}):
                raise ValueError(
                    f"{what} {', '.join(doubled)} comes twice; every trial needs a name and a salt of its own"
                )
        for one, other in combinations(self.declared, 2):
            if PERIOD in (one.unit, other.unit) and one.unit == other.unit and _together(one, other):
                raise ValueError(
                    f"trials {one.name!r} and {other.name!r} switch {one.what} at the same time; end one first"
                )
        return self


def _together(one: Trial, other: Trial) -> bool:
    if one.rehearsal or other.rehearsal or not one.things & other.things:
        return False
    ends = [trial.end or date.max for trial in (one, other)]
    return one.start < ends[1] and other.start < ends[0]


def beside(sections):
    """Yield where trials name benefits or tiers that there are not."""
    for trial in sections["trials"].declared:
        days = sections["economics"].repurchase_days if "economics" in sections else 1
        if trial.unit != PERIOD and not trial.rehearsal and trial.serve_days < days:
            yield f"trials.declared: {trial.name}: serve_days = {trial.serve_days}; allowed: {days} and more"
        if "benefits" in sections and trial.what == "benefit":
            known = {benefit.name for benefit in sections["benefits"].catalogue}
            if unknown := set(trial.gives.values()) - known:
                yield f"trials.declared: {trial.name}: gives {', '.join(sorted(unknown))}: no benefit of the catalogue"
        if "tiers" in sections and trial.eligible.tiers:
            names = sections["tiers"].names
            if unknown := set(trial.eligible.tiers) - set(names):
                yield f"trials.declared: {trial.name}: tiers {', '.join(sorted(unknown))}; there are {', '.join(names)}"
