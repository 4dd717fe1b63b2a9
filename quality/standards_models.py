"""What each standards file may hold, field by field.

Belongs here: names, types and ranges of single fields; each description completes the sentence "should be ...". Not
here: YAML and error sentences (`standards_yaml`), agreement between fields and files (`standards`), tables
(`standards_tables`).
"""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

EVIDENCE_KINDS = ("customer_action", "recorded_event", "document", "field")
OUTCOMES = ("won", "lost", "nurtured", "disqualified")
SEGMENTS = ("icp_band", "lead_source", "owner", "team", "amount_band", "region", "product", "deal_type")
# What every CRM's accounts are brought to; further attributes are each company's own.
TEXT_ATTRIBUTES = ("industry", "country", "region")
NUMBER_ATTRIBUTES = ("employees", "annual_revenue")
ACCOUNT_ATTRIBUTES = (*TEXT_ATTRIBUTES, *NUMBER_ATTRIBUTES)
# What a condition can be about; each setting says which of them it tests.
CONDITION_SUBJECTS = ("evidence", "activity", "document", "field", "contact_role")
CONDITION_SETTINGS: dict[str, tuple[str, ...]] = {
    "at_least": ("evidence", "document", "field"),
    "at_most": ("evidence", "document", "field"),
    "equals": ("evidence", "document", "field"),
    "at_least_minutes": ("activity",),
    "status": ("activity",),
    "direction": ("activity",),
    "customer_present": ("activity",),
    "attended_by": ("activity",),
    "filled": ("field",),
    "not_before": ("field",),
    "not_after": ("field",),
    "at_least_field": ("field",),
    "at_most_field": ("field",),
    "changed_since": ("field",),
}
# The kinds of evidence that facts about a subject can be; evidence can be of any.
KINDS_OF_SUBJECT: dict[str, tuple[str, ...]] = {
    "activity": ("customer_action", "recorded_event"),
    "document": ("document",),
    "field": ("field",),
    "contact_role": ("recorded_event",),
}
# The fields of a deal that every CRM is brought to; any other name is an attribute of the company's own.
DEAL_FIELDS = (
    "amount",
    "currency",
    "expected_close_date",
    "next_step",
    "probability",
    "forecast_category",
    "lead_source",
    "deal_type",
    "product",
    "lost_reason",
)
# The standing rules that the warehouse knows, and what each may and must be told.
RULE_SETTINGS: dict[str, tuple[str, ...]] = {
    "close_date_past": ("days",),
    "amount_missing": ("from_stage",),
    "mandatory_stage_skipped": (),
    "dwell_over_cap": (),
    "next_step_missing": (),
    "customer_silent": ("days",),
    "close_date_pushed": ("times",),
    "moved_back": (),
    "commit_without_economic_buyer": ("roles", "categories"),
    "single_contact": ("from_stage",),
    "closed_without_reason": ("days",),
    "history_disagrees": (),
}
# What is asked of deals that have closed; every other standing rule is about open ones.
RULES_ABOUT_CLOSES = ("closed_without_reason",)

# What the data team's own expectations can ask, in which suite, and what each may and must be told.
DATA_EXPECTATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "rows_unaccounted": ("extracts", ("at_most_pct",)),
    "rows_quarantined": ("extracts", ("at_most_pct",)),
    "extract_stale": ("extracts", ()),
    "extract_volume": ("extracts", ()),
    "table_volume": ("tables", ()),
    "closed_before_created": ("tables", ("at_most_pct",)),
    "created_in_future": ("tables", ("at_most_pct",)),
    "amount_negative": ("tables", ("at_most_pct",)),
    "amount_unconverted": ("tables", ("at_most_pct",)),
    "probability_out_of_range": ("tables", ("at_most_pct",)),
    "owner_missing": ("tables", ("at_most_pct",)),
    "owner_unknown": ("tables", ("at_most_pct",)),
    "account_unknown": ("tables", ("at_most_pct",)),
    "visit_ends_before_it_begins": ("tables", ("at_most_pct",)),
}

# Why a deal may stall, as far as its own records can say, and what each reason may and must be told.
STALL_REASON_SETTINGS: dict[str, tuple[str, ...]] = {
    "silent": (),
    "no_decision_maker_met": ("roles",),
    "violations_open": (),
    "close_date_pushed": ("times",),
    "champion_gone": ("roles",),
    "single_contact": (),
}

Text = Annotated[str, Field(pattern=r"\S", description="a text")]
Identifier = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]*$",
        description="lower-case letters, digits and _, starting with a letter",
    ),
]
Days = Annotated[int, Field(gt=0, le=36500, description="a whole number of days above 0")]
Number = Annotated[float, Field(allow_inf_nan=False, description="a number")]
Texts = Annotated[list[Text], Field(min_length=1, description="a list of at least one text")]
YesNo = Annotated[bool, Field(description="true or false")]
Day = Annotated[date, Field(description="a date like 2026-01-31")]
Roles = Annotated[
    list[Annotated[Identifier, Field(description="a contact role")]],
    Field(min_length=1, description="a list of at least one contact role"),
]
CrmNames = Annotated[
    dict[Identifier, Texts], Field(min_length=1, description="CRMs, each with a list of the names it uses")
]


def _one_of(names: Iterable[str]) -> dict[str, Any]:
    """For editors: the names that the standards know. A wrong one is refused with its nearest by the standards."""
    return {"enum": list(names)}


def _one_of_items(names: Iterable[str]) -> dict[str, Any]:
    return {"items": {"type": "string", "enum": list(names)}}


def _exactly_one(names: Iterable[str]) -> dict[str, Any]:
    return {"oneOf": [{"required": [name]} for name in names]}


def field_key(name: str) -> str:
    """The key under which values of a deal's field are kept: attributes of the company's own begin with x_."""
    if name in DEAL_FIELDS:
        return name
    return "x_" + name.strip().lower().removeprefix("x_")


class _Model(BaseModel):
    # Strict: "3" is not 3 and yes is not a text, so that a typing error is never guessed away.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Wording(_Model):
    """One text in each language of the product."""

    en: Text
    zh: Text


WordingField = Annotated[Wording, Field(description="texts by language, en and zh")]


OwnFields = Annotated[
    list[Text],
    Field(
        min_length=1,
        description="a list of at least one attribute of deals, like x_competitor",
    ),
]


class CloseFields(_Model):
    """Where the CRMs say why a deal was won and against whom it was sold; why it was lost is a field of every CRM."""

    won_reason: OwnFields | None = None
    competitor: OwnFields | None = None


class Company(_Model):
    """company.yml"""

    company: Text
    time_zone: Text
    fiscal_year_starts_in_month: Annotated[int, Field(ge=1, le=12, description="a month from 1 to 12")]
    reporting_currency: Annotated[
        str, Field(pattern=r"^[A-Z]{3}$", description="a currency code of three capital letters, like CNY")
    ]
    language: Annotated[Literal["en", "zh"], Field(description="en or zh")]
    segments: Annotated[list[Text], Field(description="a list of segments", json_schema_extra=_one_of_items(SEGMENTS))]
    amount_bands: Annotated[
        list[Annotated[int, Field(ge=1, le=10**15)]], Field(description="a list of whole amounts above 0")
    ] = Field(default_factory=list)
    forecast_segment: Text
    minimum_n: Annotated[int, Field(ge=1, le=1_000_000, description="a whole number of deals above 0")]
    shrinkage_deals: Annotated[int, Field(ge=1, le=1_000_000, description="a whole number of deals above 0")]
    velocity_days: Annotated[int, Field(ge=1, le=36500, description="a whole number of days above 0")]
    stale_after_days: Days
    unmapped_stages: Annotated[Literal["refuse", "report"], Field(description="refuse or report")]
    record_links: Annotated[
        dict[Identifier, Text], Field(description="CRMs, each with the web address of a deal's record")
    ] = Field(default_factory=dict)
    close_fields: Annotated[
        CloseFields, Field(description="won_reason and competitor, each with attributes of deals")
    ] = Field(default_factory=CloseFields)


class Accepts(_Model):
    """Which kinds of evidence settle a criterion of each kind."""

    customer_action: Texts
    recorded_event: Texts
    document: Texts
    field: Texts


class Evidence(_Model):
    """evidence.yml"""

    accepts: Annotated[Accepts, Field(description="kinds of criteria, each with a list of kinds of evidence")]
    activity_types: Annotated[
        dict[Identifier, Texts], Field(description="types of activity, each with a list of the names CRMs use")
    ]
    contact_roles: Annotated[
        dict[Identifier, Texts], Field(description="contact roles, each with a list of the names CRMs use")
    ]


Severity = Annotated[Literal["block", "warn"], Field(description="block or warn")]


class Rule(_Model):
    """One standing rule of rules.yml."""

    rule: Annotated[Text, Field(json_schema_extra=_one_of(RULE_SETTINGS))]
    severity: Severity
    from_stage: Identifier | None = None
    days: Annotated[int, Field(ge=0, le=36500, description="a whole number of days, 0 or more")] | None = None
    times: Annotated[int, Field(ge=0, le=1000, description="a whole number, 0 or more")] | None = None
    roles: Texts | None = None
    categories: Texts | None = None
    wording: WordingField
    advice: WordingField

    @property
    def kind(self) -> str:
        """`close` where the rule is about how a deal closed, else `rule`."""
        return "close" if self.rule in RULES_ABOUT_CLOSES else "rule"


class StallReason(_Model):
    """One reason why deals stall, and what to do first where it leads."""

    reason: Annotated[Text, Field(json_schema_extra=_one_of(STALL_REASON_SETTINGS))]
    times: Annotated[int, Field(ge=1, le=1000, description="a whole number above 0")] | None = None
    roles: Texts | None = None
    wording: WordingField
    next_action: WordingField


class Stalls(_Model):
    """When a deal is stalled, why, and what follows."""

    segment: Text
    silent_after_days: Days
    escalate_after_attempts: Annotated[int, Field(ge=1, le=1000, description="a whole number above 0")]
    nurture_after_days: Days
    reasons: Annotated[
        list[Annotated[StallReason, Field(description="a reason with its fields")]],
        Field(description="a list of reasons, the leading one first"),
    ]


class Causes(_Model):
    """What counts as follow-up and as giving up too early, where it is told why deals do not go on."""

    follow_up_days: Days
    closed_early_within_days: Days
    closed_early_with_touches: Annotated[int, Field(ge=0, le=1000, description="a whole number, 0 or more")]


class Milestones(_Model):
    """What counts as a milestone on the way to a win."""

    decided_before_close_days: Days


class Rules(_Model):
    """rules.yml"""

    rules: Annotated[
        list[Annotated[Rule, Field(description="a rule with its fields")]], Field(description="a list of rules")
    ]
    stalls: Annotated[Stalls, Field(description="when a deal is stalled, with a list of reasons")]
    causes: Annotated[Causes, Field(description="what counts as follow-up and as giving up too early")]
    milestones: Annotated[Milestones, Field(description="what counts as a milestone on the way to a win")]


class UsualRange(_Model):
    """How far a count may stray from the nights before until the data is doubted."""

    nights: Annotated[int, Field(ge=2, le=400, description="a whole number of nights, 2 or more")]
    minimum_nights: Annotated[int, Field(ge=2, le=400, description="a whole number of nights, 2 or more")]
    deviations: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False, description="a number above 0")]
    at_least: Annotated[int, Field(ge=0, le=1_000_000, description="a whole number, 0 or more")]
    at_least_pct: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False, description="a percentage, 0 or more")]
    held_nights: Annotated[int, Field(ge=1, le=90, description="a whole number of nights from 1 to 90")]


class DataExpectation(_Model):
    """What the data team expects of extracts and tables, whatever the deals in them are like."""

    expectation: Annotated[Text, Field(json_schema_extra=_one_of(DATA_EXPECTATIONS))]
    severity: Severity
    at_most_pct: (
        Annotated[float, Field(ge=0, le=100, allow_inf_nan=False, description="a percentage from 0 to 100")] | None
    ) = None
    wording: WordingField


class DataQuality(_Model):
    """data.yml"""

    usual_range: Annotated[UsualRange, Field(description="how far a count may stray from the nights before")]
    expectations: Annotated[
        list[Annotated[DataExpectation, Field(description="an expectation with its fields")]],
        Field(description="a list of expectations"),
    ]


class Waiver(_Model):
    """One gap that somebody answers for, for a while."""

    rule: Text
    deal: Text
    visit: Text | None = None
    by: Text
    why: Text
    from_day: Annotated[date, Field(alias="from", description="a date like 2026-01-31")]
    until: Annotated[date, Field(description="a date like 2026-01-31")]


class Waivers(_Model):
    """waivers.yml"""

    waivers: Annotated[
        list[Annotated[Waiver, Field(description="a waiver with its fields")]], Field(description="a list of waivers")
    ]


AboutDeals = Literal["violations", "stalled"]
# The data is the data team's concern, and no owner's.
AboutAnything = Literal["violations", "stalled", "incidents", "held_extracts", "expectations"]
_VARIABLE = r"^[A-Z][A-Z0-9_]*$"
# One address and nothing that could end it: no comma, space, slash or query of a URL that it is put into.
_ADDRESS = r"^[#@+]?[A-Za-z0-9][A-Za-z0-9._+-]*(@[A-Za-z0-9][A-Za-z0-9.-]*)?$"
Variable = Annotated[
    str,
    Field(
        pattern=_VARIABLE,
        description="the name, in capitals, of the environment variable that holds the URL; no file holds the URL",
    ),
]


class _Told(_Model):
    """Who is told how, and of which violations and deals; a list that is left out leaves nothing out."""

    url_variable: Variable
    language: Annotated[Literal["en", "zh"], Field(description="en or zh")] | None = None
    severities: Annotated[list[Severity], Field(min_length=1, description="a list of block and warn")] | None = None
    rules: Texts | None = None
    funnels: Texts | None = None
    stages: Texts | None = None
    teams: Texts | None = None
    most_shown: Annotated[int, Field(ge=1, le=1000, description="a whole number from 1 to 1000")] = 20


class AlertAudience(_Told):
    """One audience of alerts.yml."""

    audience: Identifier
    tells: Annotated[
        list[
            Annotated[AboutAnything, Field(description="violations, stalled, incidents, held_extracts or expectations")]
        ],
        Field(min_length=1, description="a list of what is told"),
    ] = Field(default_factory=lambda: list(get_args(AboutDeals)))


class AlertOwners(_Told):
    """The owners of deals, each told of their own deals only."""

    addresses: Annotated[
        dict[
            Text,
            Annotated[
                str, Field(pattern=_ADDRESS, description="one address, like li.na@example.com, without any separator")
            ],
        ],
        Field(description="owner keys, each with one address"),
    ]
    tells: Annotated[
        list[Annotated[AboutDeals, Field(description="violations or stalled")]],
        Field(min_length=1, description="a list of what is told"),
    ] = Field(default_factory=lambda: list(get_args(AboutDeals)))


class AlertRetries(_Model):
    """How long a night waits for services that fail."""

    attempts: Annotated[int, Field(ge=1, le=10, description="a whole number from 1 to 10")] = 3
    wait_seconds: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False, description="seconds from 0 to 60")] = 2
    timeout_seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False, description="seconds up to 60")] = 10
    give_up_after_seconds: Annotated[
        float, Field(gt=0, le=600, allow_inf_nan=False, description="seconds above 0, up to 600")
    ] = 45


class Alerts(_Model):
    """alerts.yml"""

    audiences: Annotated[
        list[Annotated[AlertAudience, Field(description="an audience with its fields")]],
        Field(description="a list of audiences"),
    ] = Field(default_factory=list)
    owners: Annotated[AlertOwners, Field(description="how owners are told, with their addresses")] | None = None
    review_url: Annotated[str, Field(pattern=r"^https?://\S+$", description="a web address without spaces")] | None = (
        None
    )
    retries: Annotated[AlertRetries, Field(description="how long a night waits for services that fail")] = Field(
        default_factory=AlertRetries
    )


class PostgresTarget(_Model):
    """A schema of PostgreSQL that every latest night is published into."""

    url_variable: Variable
    schema_name: Annotated[
        str,
        Field(
            alias="schema",
            pattern=r"^[a-z_][a-z0-9_]{0,62}$",
            description="a name of lower-case letters, digits and underscores",
        ),
    ] = "stageproof"
    reader_role: Annotated[
        str,
        Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="a name of lower-case letters, digits and underscores"),
    ] = "stageproof_reader"


class Serving(_Model):
    """serving.yml"""

    # Two: who reads the night before goes on reading it while the next is put in its place.
    keep_nights: Annotated[int, Field(ge=2, le=4000, description="a whole number from 2 to 4000")] = 35
    postgres: Annotated[PostgresTarget, Field(description="where the schema is")] | None = None


class Condition(_Model):
    """One thing to look for: facts about exactly one subject that pass every test given."""

    model_config = ConfigDict(json_schema_extra=_exactly_one(CONDITION_SUBJECTS))

    evidence: Texts | None = None
    activity: Texts | None = None
    document: Texts | None = None
    field: Text | None = None
    contact_role: Roles | None = None

    at_least: Number | None = None
    at_most: Number | None = None
    equals: Texts | None = None
    # Of activities.
    at_least_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False, description="minutes above 0")] | None = None
    status: (
        Annotated[
            list[Annotated[Literal["held", "planned", "cancelled"], Field(description="held, planned or cancelled")]],
            Field(min_length=1, description="a list of held, planned and cancelled"),
        ]
        | None
    ) = None
    direction: (
        Annotated[
            list[
                Annotated[
                    Literal["inbound", "outbound", "internal"], Field(description="inbound, outbound or internal")
                ]
            ],
            Field(min_length=1, description="a list of inbound, outbound and internal"),
        ]
        | None
    ) = None
    customer_present: YesNo | None = None
    attended_by: Roles | None = None
    # Of fields.
    filled: YesNo | None = None
    not_before: Day | None = None
    not_after: Day | None = None
    at_least_field: Text | None = None
    at_most_field: Text | None = None
    changed_since: Annotated[Literal["stage_entered"], Field(description="stage_entered")] | None = None

    @property
    def subject(self) -> str:
        """What it is about; the standards have checked that it is one thing."""
        return next(name for name in CONDITION_SUBJECTS if getattr(self, name) is not None)

    def subject_keys(self) -> list[str]:
        """What its facts are called: evidence keys, types of activity, documents, a field, roles."""
        if self.field is not None:
            return [field_key(self.field)]
        named: list[str] = getattr(self, self.subject)
        # Types of activity are told apart whatever their case.
        return [name.strip().lower() for name in named] if self.activity else named


Conditions = Annotated[
    list[Annotated[Condition, Field(description="a condition with its fields")]],
    Field(min_length=1, description="a list of at least one condition"),
]


class Step(Condition):
    """A condition, or several that count as one."""

    model_config = ConfigDict(json_schema_extra=_exactly_one((*CONDITION_SUBJECTS, "any_of", "all_of")))

    any_of: Conditions | None = None
    all_of: Conditions | None = None

    def conditions(self) -> list[Condition]:
        """The conditions of which it consists: itself, or those inside."""
        return self.any_of or self.all_of or [self]

    def needed(self) -> int:
        """How many of them have to be met."""
        return len(self.all_of) if self.all_of else 1


Steps = Annotated[
    list[Annotated[Step, Field(description="a condition with its fields")]],
    Field(min_length=1, description="a list of at least one condition"),
]


class BantPart(_Model):
    """What confirms one part of BANT: evidence of a kind that any of the conditions is met by."""

    kind: Annotated[
        Literal["customer_action", "recorded_event", "document", "field"],
        Field(description="customer_action, recorded_event, document or field"),
    ]
    any_of: Conditions = Field(alias="any")


BantPartField = Annotated[BantPart, Field(description="a kind and a list `any` of conditions")]


class Bant(_Model):
    """The four things a qualified deal has confirmed."""

    budget: BantPartField
    authority: BantPartField
    need: BantPartField
    timeline: BantPartField

    def parts(self) -> dict[str, BantPart]:
        """The four by name, in their order."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class IcpAttribute(_Model):
    """One attribute of the ideal customer: values that fit, or a range."""

    attribute: Identifier
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False, description="a number above 0")]
    fits: Texts | None = None
    at_least: Number | None = None
    at_most: Number | None = None


class Icp(_Model):
    """icp.yml"""

    attributes: Annotated[
        list[Annotated[IcpAttribute, Field(description="an attribute with its fields")]],
        Field(min_length=1, description="a list of at least one attribute"),
    ]
    minimum_completeness: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, description="a share from 0 to 1")]
    bands: Annotated[
        dict[Text, Annotated[float, Field(ge=0, le=100, allow_inf_nan=False, description="a score from 0 to 100")]],
        Field(min_length=1, description="bands, each with the score at which it starts"),
    ]
    ranges: Annotated[
        dict[
            Identifier,
            Annotated[
                list[Annotated[float, Field(allow_inf_nan=False, description="a number")]],
                Field(min_length=1, description="a list of at least one number, smallest first"),
            ],
        ],
        Field(description="attributes, each with the numbers at which its ranges start"),
    ] = Field(default_factory=dict)
    bant: Annotated[Bant, Field(description="budget, authority, need and timeline")] | None = None


class AtLeast(_Model):
    """k of several conditions."""

    k: Annotated[int, Field(ge=1, description="a whole number above 0")]
    of: Steps


class Needs(_Model):
    """The proof: exactly one of the three."""

    model_config = ConfigDict(json_schema_extra=_exactly_one(("all", "any", "at_least")))

    all_of: Steps | None = Field(default=None, alias="all")
    any_of: Steps | None = Field(default=None, alias="any")
    at_least: Annotated[AtLeast, Field(description="k and a list `of` conditions")] | None = None

    def steps(self) -> list[Step]:
        """The conditions in their order, whichever way they are combined."""
        return self.all_of or self.any_of or (self.at_least.of if self.at_least else [])

    def needed(self) -> int:
        """How many of the steps have to be met."""
        if self.at_least:
            return self.at_least.k
        return len(self.all_of) if self.all_of else 1


class Criterion(_Model):
    """What a deal must prove at one gate of a stage."""

    criterion: Identifier
    kind: Annotated[
        Literal["customer_action", "recorded_event", "document", "field"],
        Field(description="customer_action, recorded_event, document or field"),
    ]
    severity: Severity
    grace_days: Annotated[int, Field(ge=0, le=36500, description="a whole number of days, 0 or more")] = 0
    wording: WordingField
    advice: WordingField
    needs: Annotated[Needs, Field(description="one of all, any and at_least")]


Criteria = Annotated[
    list[Annotated[Criterion, Field(description="a criterion with its fields")]],
    Field(description="a list of criteria"),
]


class Stage(_Model):
    """One stage: terminal where it has an outcome, open otherwise."""

    stage: Identifier
    name: WordingField
    outcome: (
        Annotated[
            Literal["won", "lost", "nurtured", "disqualified"], Field(description="won, lost, nurtured or disqualified")
        ]
        | None
    ) = None
    crm_names: CrmNames
    cap_days: Days | None = None
    may_skip: Annotated[bool, Field(description="true or false")] | None = None
    entry: Criteria = Field(default_factory=list)
    exit: Criteria = Field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.outcome is None

    @property
    def is_skippable(self) -> bool | None:
        """None for terminal stages. An open stage may be skipped unless the file says otherwise."""
        if not self.is_open:
            return None
        return True if self.may_skip is None else self.may_skip

    def gates(self) -> list[tuple[Literal["entry", "exit"], list[Criterion]]]:
        """Both gates with their criteria, entry first."""
        return [("entry", self.entry), ("exit", self.exit)]


class Version(_Model):
    """The funnel as it was from a day on."""

    valid_from: Annotated[date, Field(description="a date like 2026-01-31")]
    stages: Annotated[
        list[Annotated[Stage, Field(description="a stage with its fields")]],
        Field(min_length=1, description="a list of stages"),
    ]


class Funnel(_Model):
    """funnels/<funnel>.yml"""

    funnel: Identifier
    name: WordingField
    is_default: Annotated[bool, Field(description="true or false")] = False
    crm_names: Annotated[dict[Identifier, Texts], Field(description="CRMs, each with a list of the names it uses")] = (
        Field(default_factory=dict)
    )
    versions: Annotated[
        list[Annotated[Version, Field(description="a version with its fields")]],
        Field(min_length=1, description="a list of at least one version"),
    ]


class Standards(_Model):
    """All that the company has decided. `funnels` are in the order of their names."""

    company: Company
    evidence: Evidence
    icp: Icp
    rules: list[Rule]
    stalls: Stalls
    causes: Causes
    milestones: Milestones
    data: DataQuality
    waivers: list[Waiver]
    alerts: Alerts
    serving: Serving
    funnels: list[Funnel]
