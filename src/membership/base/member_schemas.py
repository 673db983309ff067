"""The tables in which each stage says what it found of the members, from value to actions."""

from membership.base.columns import BOOL, COUNT, FLOAT, INT, SHARE, TEXT, TIME, Table, optional, required

GROUPS = ("high value", "high value, may be gone", "may be gone", "others")
STAGES = ("prospect", "new", "active", "loyal", "at_risk", "lapsed", "won_back")
LEFT = "left"  # the stage of who is no member any more: nothing is done for them

MOVED = ("silence", "pace", "latest", "regularity", "spend", "weekdays")  # what moves the chance of an order

PERSONA = {
    "persona": required(TEXT),
    "typicality": optional(FLOAT, **SHARE),  # probability of that persona; null for newcomers
    "main_need": required(TEXT),  # the preference furthest above the population mean
    "stated_need": optional(TEXT),  # in the survey, furthest above the others who answered
    "top_category": optional(TEXT),  # with the highest spend
    "answered_survey": required(BOOL),
}

DEFINITIONS = (
    Table(
        "repurchase",
        ("member_id",),
        {
            "member_id": required(TEXT),
            "p_repurchase": required(FLOAT, **SHARE),  # an order within economics.repurchase_days
            "next_order_days": optional(FLOAT, **COUNT),  # when it is as likely as not; null beyond 90 days
            "expected_orders": required(FLOAT, **COUNT),  # purchase days within economics.repurchase_days
            # log-odds of p_repurchase above those had the member bought yesterday, or been typical in one respect
            **{f"moved_{name}": required(FLOAT) for name in MOVED},
        },
        open=True,  # p_7_days ...: an order within each of repurchase.horizons; due_at: the next payment of a contract
    ),
    Table(
        "value",
        ("member_id",),
        {
            "member_id": required(TEXT),
            "recency_score": required(INT, low=1, high=5),  # quintiles, 5 is best
            "frequency_score": required(INT, low=1, high=5),
            "monetary_score": required(INT, low=1, high=5),
            "rfm_segment": required(TEXT),
            "rfm_value": required(FLOAT),  # cents of spend over the horizon, weighted linear model
            "p_alive": required(FLOAT, **SHARE),
            "expected_orders": required(FLOAT, **COUNT),  # purchase days over the horizon
            "expected_spend": required(FLOAT, **COUNT),  # cents over the horizon, by the chosen model
            "value": required(FLOAT, **COUNT),  # cents of margin over the horizon: what a member is worth
            "value_low": required(FLOAT, **COUNT),  # its interval, at value.confidence
            "value_high": required(FLOAT, **COUNT),
            "p_repurchase": required(FLOAT, **SHARE),  # as in table `repurchase`: within economics.repurchase_days
            "p_horizon": required(FLOAT, **SHARE),  # the same, within value.horizon_days
            "residual_value": required(FLOAT, **COUNT),  # cents of margin over value.lifetime_days, discounted
            "residual_low": required(FLOAT, **COUNT),  # its interval, at value.confidence
            "residual_high": required(FLOAT, **COUNT),
            "value_group": required(TEXT, among=GROUPS),  # value x P(alive)
        },
    ),
    Table("personas", ("member_id",), {"member_id": required(TEXT), **PERSONA}, open=True),
    Table(
        "profile",
        ("member_id",),
        {"member_id": required(TEXT), "stage": required(TEXT, among=STAGES), **PERSONA},
        open=True,
    ),
    Table(
        "needs",
        ("member_id", "need", "source"),
        {
            "member_id": required(TEXT),
            "need": required(TEXT),
            "source": required(TEXT, among=("behaviour", "survey")),
            "score": required(FLOAT),  # standard deviations above the mean member of whom the source speaks
        },
    ),
    Table(
        "lifecycle_history",
        ("member_id", "as_of"),
        {
            "member_id": required(TEXT),
            "as_of": required(TIME),
            "stage": required(TEXT, among=(*STAGES, LEFT)),
            "chance": required(FLOAT, **SHARE),  # of an order within economics.repurchase_days, as known that month
            "usual": required(
                FLOAT, **SHARE
            ),  # the member's usual one: days of theirs from which an order came so soon
            "startup": required(BOOL),  # history is shorter than the longest time that a rule looks back
        },
    ),
    Table(
        "tiers",
        ("member_id",),
        {
            "member_id": required(TEXT),
            "tier": required(TEXT),
            "tier_rank": required(INT, **COUNT),  # 0 is the entry tier
            "points": required(INT, **COUNT),  # balance
            "qualifying": required(
                INT
            ),  # in the qualifying period: cents, base points, orders ..., as tiers.qualify_by says
            "next_tier": optional(TEXT),  # null in the top tier
            "to_next": required(INT, **COUNT),  # in the unit of `qualifying`; 0 in the top tier
            "spend_to_next": required(INT, **COUNT),  # cents; 0 in the top tier, and where no spend qualifies
            "grace_left": optional(FLOAT, **COUNT),  # months; null where no grace is running
            "about_to_drop": required(BOOL),  # without another purchase, at the next month end
            "to_keep": required(INT, **COUNT),  # what it takes not to drop, in the unit of `qualifying`
        },
    ),
    Table(
        "points_ledger",
        ("member_id", "at"),
        {
            "member_id": required(TEXT),
            "at": required(TIME),  # month end
            "earned": required(INT, **COUNT),  # whole points in the month, as all that follow
            "reversed": required(INT, **COUNT),  # taken back for returned orders
            "redeemed": required(INT, **COUNT),
            "expired": required(INT, **COUNT),
            "balance": required(INT),  # at the month end; below 0: owed for returned orders
        },
    ),
    Table(
        "tier_history",
        ("member_id", "as_of"),
        {"member_id": required(TEXT), "as_of": required(TIME), "tier": required(TEXT)},
    ),
    Table(
        "campaign_effects",
        ("outcome", "kind", "source", "by", "persona", "tier", "stage", "offer_id"),
        {
            "outcome": required(TEXT, among=("spend", "ordered")),  # ordered: within economics.repurchase_days
            "kind": required(TEXT),  # of campaign, as in `offers`
            "source": required(TEXT, among=("randomised", "observational")),
            "by": required(
                TEXT, among=("all", "stage", "persona", "tier", "cell", "campaign")
            ),  # cell: persona and tier
            "persona": required(TEXT),  # as are tier, stage and offer_id, empty where it does not define the group
            "tier": required(TEXT),
            "stage": required(TEXT),
            "offer_id": required(TEXT),
            "rows": required(INT, **COUNT),  # members and campaigns that are compared
            "members": required(INT, **COUNT),
            "effect": optional(
                FLOAT
            ),  # cents a day, or share who order; null, as what follows, where nothing is compared
            "error": optional(FLOAT, **COUNT),
            "baseline": optional(FLOAT),  # the same without the campaign
            "uplift": optional(FLOAT),  # effect as a share of the baseline
            "uplift_sd": optional(FLOAT, **COUNT),  # sampling error
            "placebo": optional(FLOAT),  # the same estimate just before the campaign
            "placebo_sd": optional(FLOAT, **COUNT),
            "ess": optional(FLOAT, **COUNT),  # effective members in the smaller arm
            "systematic": required(FLOAT, **COUNT),  # bias that placebos reveal; 0 where randomised
            "low": optional(FLOAT),  # interval of the uplift that includes the bias, at campaigns.confidence
            "high": optional(FLOAT),
            "usable": required(BOOL),
        },
    ),
    Table(
        "uplifts",  # of members and benefits that they may have
        ("member_id", "benefit"),
        {
            "member_id": required(TEXT),
            "benefit": required(TEXT),
            "chance": required(FLOAT, **SHARE),  # of an order within economics.repurchase_days, without any benefit
            "chance_with": required(FLOAT, **SHARE),  # the same with this one, as believed
            "uplift": required(FLOAT),  # extra spend as a share of expected spend; below 0: less spend
            "uplift_sd": required(FLOAT, **COUNT),  # errors are shared by members: see campaigns.reaction
            "source": required(TEXT, among=("assumed", "randomised", "observational")),  # of what moved the assumption
        },
    ),
    Table(
        "allocations",
        ("member_id", "benefit"),
        {
            "member_id": required(TEXT),
            "benefit": required(TEXT),
            "cost": required(FLOAT, **COUNT),  # expected cents over the horizon
            "gain": required(FLOAT),  # expected cents of margin over the horizon, as believed of the response
            "orders": required(FLOAT),  # expected extra orders over the horizon
            "deadweight": required(FLOAT, **COUNT),  # cents of the cost on orders that would have come anyway
            "spread": required(FLOAT),  # cents: part of the standard deviation of the whole net; parts add up to it
            "propensity": required(FLOAT, **SHARE),  # of the member's getting this benefit, by the rule that explores
            "explored": required(BOOL),  # given by the part of the rule that draws at random
            "item_id": optional(TEXT),  # what the offer is on, where the benefit is a personalised offer
        },
    ),
    Table(
        "assignments",
        ("member_id", "trial", "unit"),
        {
            "member_id": required(TEXT),
            "trial": required(TEXT),  # its name; "holdout": the global one
            "unit": required(TEXT),  # what was drawn: the member, a group of members, or the first day of a period
            "arm": required(TEXT),  # "outside": eligible, but takes no part
            "propensity": required(FLOAT, **SHARE),  # of that arm
            "stratum": required(TEXT),  # in which arms are as large as planned; empty without strata
            "at": required(TIME),  # local midnight from which on outcomes count
            "forecast": required(FLOAT, **SHARE),  # chance of an order within economics.repurchase_days, at assignment
            "stage": required(TEXT),  # at assignment, as tier and persona: later they may be effects
            "tier": required(TEXT),
            "persona": required(TEXT),
        },
    ),
    Table(
        "recommendations",
        ("policy", "member_id", "rank"),
        {
            "policy": required(TEXT),
            "member_id": required(TEXT),
            "rank": required(INT, low=1),
            "item_id": required(TEXT),
            "score": required(FLOAT),
            "chance": optional(FLOAT, **SHARE),  # bought within economics.repurchase_days; null: scores are no chances
            "source": required(TEXT, among=("repeat", "explore")),
            "reason": required(TEXT),  # why, in words
        },
    ),
    Table(
        "outcomes",
        ("policy", "member_id"),
        {
            "policy": required(TEXT),
            "member_id": required(TEXT),
            "tier": required(TEXT),
        },
        open=True,  # and one column a metric, e.g. recall_at_10
    ),
    Table(
        "predictions",
        ("member_id", "as_of", "model_version"),
        {
            "member_id": required(TEXT),
            "as_of": required(TIME),  # local midnight; nothing on or after it was known
            "model_version": required(TEXT),  # the live policy's name and the digest of what predicts
            "policy": required(TEXT),  # live on as_of
            "tier": required(TEXT),
            "stage": required(TEXT, among=STAGES),
            "p_repurchase": required(FLOAT, **SHARE),  # an order within repurchase_days of as_of
            "repurchase_days": required(INT, low=1),
            "expected_orders": required(FLOAT, **COUNT),  # purchase days over the horizon
            "expected_spend": required(FLOAT, **COUNT),  # cents over the horizon
            "value": required(FLOAT, **COUNT),  # cents of margin over the horizon
            "horizon_days": required(INT, low=1),
            "next_order_days": optional(FLOAT, low=1),  # as in table `repurchase`; null: beyond its days, or not kept
            "items": required(TEXT),  # ids that the live policy listed, best first, as a JSON list
            "expected_hits": optional(FLOAT, **COUNT),  # listed items in the next basket; null: the policy says none
        },
    ),
    Table(
        "effects",
        ("metric", "by", "subgroup"),
        {
            "metric": required(TEXT),  # its unit and direction: evaluate/metrics.py
            "by": required(TEXT, among=("all", "tier", "persona", "stage")),
            "subgroup": required(TEXT),  # "all", or a tier, persona or stage
            "members": required(INT, **COUNT),  # who have the metric under both policies
            "control": optional(FLOAT),  # mean under the champion
            "treatment": optional(FLOAT),  # mean under the challenger
            "difference": optional(FLOAT),
            "low": required(FLOAT),  # its interval at evaluate.confidence
            "high": required(FLOAT),
            "bootstrap_low": optional(FLOAT),
            "bootstrap_high": optional(FLOAT),
            "effect_size": optional(FLOAT),  # standard deviations between members
            "p_value": optional(FLOAT, **SHARE),
            "q_value": optional(FLOAT, **SHARE),  # over all subgroups; null where by is "all"
            "detectable": optional(FLOAT, **COUNT),  # smallest true difference found with the asked power
        },
    ),
    Table(
        "programme",
        ("tier",),
        {
            "tier": required(TEXT),  # "all", with the highest rank: the sum over tiers
            "tier_rank": required(INT, **COUNT),
            "members": required(INT, **COUNT),
            "value": required(FLOAT, **COUNT),  # cents of margin over the horizon, together
            "repurchasing": required(FLOAT, **COUNT),  # members expected to order within economics.repurchase_days
            "with_benefits": required(INT, **COUNT),  # members
            "cost": required(FLOAT, **COUNT),  # cents of benefits over the horizon
            "gain": required(FLOAT),  # cents of margin, assumed response
            "net": required(FLOAT),
            "net_low": required(FLOAT),  # its interval at value.confidence, from uncertainty in the responses
            "net_high": required(FLOAT),
        },
    ),
    Table(
        "decisions",
        ("as_of", "check"),
        {
            "as_of": required(TIME),
            "check": required(TEXT),  # of the rule
            "kind": required(TEXT),  # evaluate/verdicts.py: Kind
            "result": required(TEXT, among=("passed", "failed", "warning", "could not fail")),
            "found": required(TEXT, among=("yes", "no", "nobody", "no_groups", "could_not_fail")),
            "metric": optional(TEXT),  # of the primary metric and of guardrails; null for other checks, as all below
            "difference": optional(FLOAT),  # challenger minus champion, in the metric's unit
            "low": optional(FLOAT),
            "high": optional(FLOAT),
            "margin": optional(FLOAT, **COUNT),
            "confidence": optional(FLOAT, **SHARE),  # of low and high
            "verdict": required(TEXT, among=("promote", "trial", "keep")),  # of all checks together
            "champion": required(TEXT),  # policies
            "challenger": required(TEXT),
        },
    ),
    Table(
        "actions",
        ("member_id",),
        {
            "member_id": required(TEXT),
            "value": required(FLOAT, **COUNT),  # cents of margin over the horizon
            "value_low": required(FLOAT, **COUNT),
            "value_high": required(FLOAT, **COUNT),
            "value_group": required(TEXT, among=GROUPS),
            "residual_value": required(FLOAT, **COUNT),  # cents of margin over value.lifetime_days
            "rfm_segment": required(TEXT),
            "p_repurchase": required(FLOAT, **SHARE),  # an order within economics.repurchase_days
            "p_horizon": required(FLOAT, **SHARE),  # within value.horizon_days
            "stage": required(TEXT, among=STAGES),
            "persona": required(TEXT),
            "main_need": required(TEXT),
            "tier": required(TEXT),
            "next_tier": required(TEXT),  # empty in the top tier
            "spend_to_next": required(INT, **COUNT),  # cents
            "points": required(INT, **COUNT),
            "benefits": required(TEXT),  # joined by "; "; one on a recommended item names it: "personal_offers: Bread"
            "next_action": required(TEXT),  # of the stage, then one for each of `benefits`, joined by "; "
            "items": required(TEXT),  # names joined by "; "
            "arm": required(TEXT),  # of the live tests the member is in and of the holdout, joined by "; "; else empty
            "propensity": required(FLOAT, **SHARE),  # of these arms together, 1 for who is in none
        },
        open=True,  # and item_1, item_1_id, item_1_reason, item_2, ...: the recommended items, best first
    ),
)
