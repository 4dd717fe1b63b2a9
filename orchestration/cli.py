"""The command line: `stageproof night`, `demo`, `nights`, `rebuild`, `movement`, `backtest`, `waive`, `propose-funnel`,
`doctor`, `fetch`, `superset`.

Thin: it reads arguments, calls the rooms and prints what they return. Refusals become one sentence and an exit
code; the only clock that the product reads is read here: for the default date of a night, the first day of a
waiver and the instant of a fetch.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from shlex import join
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from orchestration.condition import Finding
from orchestration.log_lines import LogFormat, LogLine
from orchestration.night import (
    PROJECT,
    Home,
    Night,
    NightRecord,
    home_from_environment,
    latest_business_date,
    published_archives,
    read_record,
    replace_file,
    standards_from_environment,
)
from orchestration.running import alone
from quality.standards import Standards, StandardsRefused, load

app = typer.Typer(
    help="The nightly pipeline that makes a sales funnel tell the truth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Exit(IntEnum):
    """What a scheduler learns from a run."""

    PUBLISHED = 0
    BLOCKED = 1
    REFUSED = 2
    FAULT = 3


# By name, because Dagster hands on a failure as text. Everything else that fails a night is a fault.
EXIT_OF_ERROR = {
    "Blocked": Exit.BLOCKED,
    "ExtractRefused": Exit.REFUSED,
    "MappingRefused": Exit.REFUSED,
    "StandardsRefused": Exit.REFUSED,
    "InputRefused": Exit.REFUSED,
    "DemoRefused": Exit.REFUSED,
    "FetchRefused": Exit.REFUSED,
    "Held": Exit.REFUSED,
    "NothingToRebuild": Exit.REFUSED,
    "LakeDamaged": Exit.FAULT,
    "ApiRefused": Exit.REFUSED,
    "WaiverRefused": Exit.REFUSED,
    "ProposalRefused": Exit.REFUSED,
    "ServingRefused": Exit.REFUSED,
    "DatabaseRefused": Exit.REFUSED,
    "PostgresRefused": Exit.FAULT,
}


class NightFailed(Exception):
    """A night that did not publish: the sentence for the person and the code for the scheduler."""

    def __init__(self, sentence: str, code: Exit) -> None:
        super().__init__(sentence)
        self.code = code


def refusals_as_sentences(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Print a refusal as its one sentence and leave with its code, instead of a traceback."""

    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        # Only some commands know the option; the others tell people.
        form = LogFormat(str(kwargs.get("log_format") or LogFormat.TEXT))
        try:
            return command(*args, **kwargs)
        except NightFailed as failed:
            _refuse(str(failed), failed.code, form)
            raise typer.Exit(failed.code) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            code = EXIT_OF_ERROR.get(type(error).__name__)
            if code is None:
                # Left to the interpreter it would end with 1, which says that findings block the night.
                _refuse(traceback.format_exc(), Exit.FAULT, form)
                raise typer.Exit(Exit.FAULT) from None
            _refuse(str(error), code, form)
            raise typer.Exit(code) from None

    return run


def _refuse(sentence: str, code: Exit, form: LogFormat) -> None:
    """Say why a command leaves: in red for people, as a line of the log where those are JSON."""
    if form is LogFormat.JSON:
        _tell("", "error", "failed", sentence, exit_code=int(code))
    else:
        errors.print(sentence, style="red" if code != Exit.FAULT else "bold red", markup=False, soft_wrap=True)


def _tell(night: str, level: str, event: str, message: str, **more: object) -> None:
    """One line of a log in JSON; people are told in tables and sentences."""
    LogLine(datetime.now(UTC), night, "", level, event, message, more).write(LogFormat.JSON)


def alone_in_the_home(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run the command only while no other run writes under the home, and keep others out until it ends."""

    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with alone(home_from_environment(), join(["stageproof", *sys.argv[1:]])):
            return command(*args, **kwargs)

    return run


BusinessDate = Annotated[
    datetime | None,
    typer.Option("--date", formats=["%Y-%m-%d"], help="The business date; the last one that is over by default."),
]


Logging = Annotated[
    LogFormat,
    typer.Option("--log-format", help="How the run tells of itself: lines for people, or one JSON object a line."),
]


@app.command()
@refusals_as_sentences
@alone_in_the_home
def night(
    business_date: BusinessDate = None,
    alerts: Annotated[
        bool, typer.Option(help="Tell the audiences of alerts.yml what is new; not for nights that are filled in.")
    ] = True,
    log_format: Logging = LogFormat.TEXT,
) -> None:
    """Run one night: extracts to served tables. A past night is run as it was known then."""
    from orchestration import serving
    from orchestration.opening import is_published

    standards = load(standards_from_environment())
    tonight = _night(standards, business_date)
    if is_published(tonight, version("stageproof")) and serving.is_served(tonight):
        # What failed after the night was published is made good: PostgreSQL first, then alerts.
        serving.publish_to_postgres(tonight, standards, os.environ)
        if alerts:
            # The night stands; a digest that was not delivered is tried again all the same.
            from orchestration.alerting import alert

            alert(tonight, standards, os.environ)
        unchanged = f"Nothing changed: the night of {tonight.business_date} is published as it would be again."
        _end(tonight, "unchanged", unchanged, log_format)
        return
    begun = f"Night of {tonight.business_date}, known up to {tonight.as_of_at:%Y-%m-%d %H:%M} UTC"
    if log_format is LogFormat.JSON:
        _tell(str(tonight.business_date), "info", "night_started", begun)
    else:
        console.print(begun)
    _run(tonight, alerts=alerts, form=log_format)
    _end(tonight, "published", None, log_format)


def _end(tonight: Night, event: str, sentence: str | None, log_format: LogFormat) -> None:
    """Say what became of the night: a table for people, or one line with its record."""
    if log_format is LogFormat.TEXT:
        if sentence:
            console.print(sentence)
        _print_summary(tonight)
        return
    record = read_record(tonight.archive)
    counts = ("rows_in", "rows_quarantined", "extracts_held", "deals", "open_deals", "open_violations")
    _tell(
        str(tonight.business_date),
        "info",
        event,
        sentence or f"The night of {tonight.business_date} is published.",
        night_id=record.night_id,
        served=str(tonight.served_file),
        seconds=record.duration_seconds,
        **{name: getattr(record, name) for name in counts},
    )


@app.command()
@refusals_as_sentences
@alone_in_the_home
def demo(
    deals: Annotated[int, typer.Option(min=1, help="Deals created in the first three years.")] = 3000,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last business date to write extracts for.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The world is a function of it.")] = 20260101,
    nights: Annotated[int, typer.Option(min=1, help="How many nights of extracts: one full, then deltas.")] = 7,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Only where the inbox holds nothing.")] = False,
) -> None:
    """Write the extracts of a demo company into the inbox, as its CRM would give them night by night."""
    from orchestration.demo.prepare import prepare

    home = home_from_environment()
    if if_empty and any(home.inbox.glob("*/*")):
        return
    standards = load(standards_from_environment())
    last = until.date() if until else latest_business_date(datetime.now(UTC), standards.company.time_zone)
    report = prepare(home.root, until=last, deals=deals, seed=seed, nights=nights)
    table = Table("object", "rows written", title=f"Demo company up to {last}", title_justify="left")
    for name, rows in report.rows.items():
        table.add_row(name, f"{rows:,}")
    console.print(table)
    console.print(f"Extracts: {home.inbox}", soft_wrap=True)


@app.command("nights")
@refusals_as_sentences
def nights_command() -> None:
    """List the nights that were published."""
    from orchestration.publishing.alerts.record import read, sentences

    home = home_from_environment()
    archives = published_archives(home)
    if not archives:
        console.print("No night has been published yet. Run one: stageproof night")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("night", "rows in", "quarantined", "held", "deals", "open", "violations", "night id"):
        table.add_column(name, no_wrap=True, justify="left" if name.startswith("night") else "right")
    for record in map(read_record, archives):
        table.add_row(
            str(record.business_date),
            f"{record.rows_in:,}",
            f"{record.rows_quarantined:,}",
            f"{record.extracts_held:,}",
            f"{record.deals:,}",
            f"{record.open_deals:,}",
            f"{record.open_violations:,}",
            record.night_id,
        )
    console.print(table)
    for folder in archives:
        told = read(home.alerts / f"{folder.name}.json")
        for sentence in sentences(told, about=("failed",), is_latest=folder == archives[-1]):
            console.print(f"Alerts of {folder.name}  {sentence}", markup=False, soft_wrap=True)


@app.command()
@refusals_as_sentences
@alone_in_the_home
def rebuild() -> None:
    """Make everything under the home again from the lake, and prove by hashes that it is what was published."""
    from orchestration import rebuilding

    today = load(standards_from_environment())
    home = home_from_environment()
    last = rebuilding.nights(home)[-1].business_date
    latest = Night(last, today.company.time_zone, home, standards_from_environment())
    for restored in rebuilding.restore(home, latest):
        record = restored.record
        console.print(f"Night of {record.business_date}  {record.night_id}  {restored.tables} tables as published")
    replayed = rebuilding.replay_of(home, latest)
    # Before the assets are loaded: the night is judged by the rules of then.
    os.environ["STAGEPROOF_STANDARDS"] = str(replayed.standards)
    console.print(f"Warehouse of {last}, from the extracts in the lake")
    _replay(replayed)
    differing, changes = rebuilding.compare(replayed)
    if differing and not changes:
        raise NightFailed(f"The warehouse came out otherwise than published: {', '.join(differing)}.", Exit.FAULT)
    if differing:
        console.print(
            f"The warehouse differs from what was published in {', '.join(differing)}: {', '.join(changes)}"
            f" changed since. Readers keep what was published; stageproof night --date {last} publishes it anew.",
            soft_wrap=True,
        )
    else:
        console.print("Every table of the warehouse has the hash of what was published.")
    if latest.served_file.exists():
        console.print(f"Served database  {latest.current_file}", soft_wrap=True)
    else:
        console.print(f"No served table of {last} is kept; publish it anew: stageproof night --date {last}")


@app.command()
@refusals_as_sentences
def movement(
    opened: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The earlier night.")],
    closed: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The later night.")],
    deals: Annotated[Path | None, typer.Option(help="Also write every deal with its bucket to this CSV file.")] = None,
) -> None:
    """Say what moved the pipeline between any two published nights, each as it was known then."""
    from orchestration.movement import between

    moved = between(home_from_environment(), opened.date(), closed.date())
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("period", "bucket", "deals", "opening", "change", "closing", "expected change"):
        table.add_column(name, no_wrap=True, justify="left" if name in ("period", "bucket") else "right")
    quarters = moved.sums.filter((moved.sums["funnel"] == "all") & (moved.sums["period_kind"] != "month"))
    for row in quarters.iter_rows(named=True):
        period = row["period_start"] or ("all" if row["period_kind"] == "all" else "undated")
        moneys = ("opening_amount", "change_amount", "closing_amount", "change_expected_amount")
        table.add_row(str(period), row["bucket"], f"{row['deals']:,}", *(f"{row[name]:,}" for name in moneys))
    # An amount that is cut to fit a narrow terminal is a wrong amount.
    Console(highlight=False, width=160).print(table)
    if deals is not None:
        moved.deals.write_csv(deals)
        console.print(f"Deals: {deals}", soft_wrap=True)


@app.command()
@refusals_as_sentences
def backtest(
    business_date: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="The night; the one that was built last by default."),
    ] = None,
    funnel: Annotated[str, typer.Option(help="One funnel instead of all together.")] = "all",
    part: Annotated[
        str, typer.Option(help="total: all that is won in a period; open: by the deals open at as-of alone.")
    ] = "total",
    lead: Annotated[
        str | None, typer.Option(help="One range of days from as-of to the period's end, such as 30+, instead of each.")
    ] = None,
) -> None:
    """Say how good each forecast method was on past dates, and how good what nights said."""
    from orchestration import backtesting
    from orchestration.forecasting.accuracy import LEAD_BUCKETS, OPEN, TOTAL

    if part not in (TOTAL, OPEN):
        raise NightFailed(f"--part {part}: should be {TOTAL} or {OPEN}.", Exit.REFUSED)
    if lead is not None and lead not in LEAD_BUCKETS:
        raise NightFailed(f"--lead {lead}: should be one of {', '.join(LEAD_BUCKETS)}.", Exit.REFUSED)
    asked = business_date.date() if business_date else None
    with console.status("Trying the methods on past dates") as status:
        told = backtesting.told(
            home_from_environment(), asked, lambda day: status.update(f"Trying the methods as of {day}")
        )
    told = backtesting.of_funnel(told, funnel)
    # A measure that is cut to fit a narrow terminal is a wrong measure.
    wide = Console(highlight=False, width=160)
    wide.print(f"Funnel {funnel}, part {part}, as known on {told.business_date}", markup=False)
    for title, rows in backtesting.measures(told, part, lead):
        wide.print(_measures_table(title, rows))
    wide.print(_chances_table(backtesting.chances(told)))


@app.command()
@refusals_as_sentences
@alone_in_the_home
def waive(
    violation: Annotated[str | None, typer.Argument(help="The violation_id, as quality_violations has it.")] = None,
    *,
    by: Annotated[str, typer.Option(help="Who answers for it.")],
    why: Annotated[str, typer.Option(help="Why the gap may stay for now.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last business date; at most 90 days on.")],
    rule: Annotated[str | None, typer.Option(help="Instead of a violation: the rule, together with --deal.")] = None,
    deal: Annotated[str | None, typer.Option(help="Instead of a violation: the deal key, with --rule.")] = None,
) -> None:
    """Waive an open violation for a while, from the next night on, by an entry in waivers.yml for review."""
    from orchestration.waiving import Decision, waive_rule_of_deal, waive_violation

    home, folder = home_from_environment(), standards_from_environment()
    # The first business date that no night can have been run for yet: nights of the past stay as they were.
    first = latest_business_date(datetime.now(UTC), load(folder).company.time_zone) + timedelta(days=1)
    decision = Decision(by=by, why=why, from_day=first, until=until.date())
    if violation is not None and rule is None and deal is None:
        entry = waive_violation(home, folder, violation, decision)
    elif violation is None and rule is not None and deal is not None:
        entry = waive_rule_of_deal(home, folder, rule, deal, decision)
    else:
        raise NightFailed("Name either one violation or --rule together with --deal.", Exit.REFUSED)
    console.print(f"{entry.rule} of {entry.deal} is waived from {entry.from_day} to {entry.until}.", soft_wrap=True)
    console.print(f"Written to {folder / 'waivers.yml'}: have it reviewed with the other standards.", soft_wrap=True)


@app.command("propose-funnel")
@refusals_as_sentences
def propose_funnel(
    funnel: Annotated[str | None, typer.Option(help="The funnel; the default one if left out.")] = None,
    business_date: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="A published night; the newest by default."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; <funnel>.proposed.yml in this folder by default.")
    ] = None,
) -> None:
    """Write the funnel's file with a version that has the stages and gates that history bears out, for review."""
    from orchestration import proposing

    asked = business_date.date() if business_date else None
    proposed = proposing.propose_funnel(home_from_environment(), standards_from_environment(), funnel, asked)
    for sentence in proposed.proposal.left_out:
        console.print(f"Left out: {sentence}", soft_wrap=True, markup=False)
    if proposed.proposal.text is None:
        console.print(
            f"By the night of {proposed.night} nothing of {proposed.funnel} is to be changed.", soft_wrap=True
        )
        return
    target = out or Path(f"{proposed.funnel}.proposed.yml")
    replace_file(target, proposed.proposal.text.encode())
    for sentence in proposed.proposal.changes:
        console.print(sentence, soft_wrap=True, markup=False)
    console.print(f"Written to {target}: review it, and put it in the place of {proposed.file}.", soft_wrap=True)
    console.print(f"The new version holds from {proposed.valid_from}.", soft_wrap=True)


@app.command()
@refusals_as_sentences
def superset(
    database: Annotated[
        str | None,
        typer.Option(
            help="Where Superset reads, as SQLAlchemy says it: duckdb:////path/to/stageproof.duckdb or"
            " postgresql://role@host/database; the served DuckDB file by default."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("stageproof_superset.zip"),
) -> None:
    """Write the datasets and dashboards that Apache Superset imports, for the database that it shall read."""
    from orchestration import serving

    target = load(standards_from_environment()).serving.postgres
    uri = database or f"duckdb:///{home_from_environment().served_file}"
    out.write_bytes(serving.superset_bundle(uri, target.schema_name if target else "stageproof"))
    console.print(f"Superset bundle  {out}", soft_wrap=True)
    console.print("In Superset: Dashboards, Import. Over an older bundle: POST it to /api/v1/assets/import/.")


@app.command()
@refusals_as_sentences
def doctor(
    strict: Annotated[
        bool, typer.Option("--strict", help="Leave with 1 where there is a warning, as of nights that are due.")
    ] = False,
) -> None:
    """Check standards, machine, extracts, serving and alerts without running or sending anything."""
    from orchestration import alerting, condition, serving
    from orchestration.opening import look

    home = home_from_environment()
    try:
        standards = load(standards_from_environment())
    except StandardsRefused as refused:
        # Whoever edits the files mends all flaws at once; a night stops at the first.
        for problem in refused.problems:
            errors.print(problem, style="red", markup=False, soft_wrap=True)
        raise typer.Exit(Exit.REFUSED) from None
    night = _night(standards, None)
    found = list(condition.look(home, night.business_date))
    worst = [_found(finding) for finding in found]
    if strict and any(finding.kind == "warning" for finding in found):
        worst.append(Exit.BLOCKED)
    for subject, told in (
        ("", look(night, standards)),
        ("Serving", serving.look(standards, os.environ)),
        ("Alerts", alerting.look(home, standards, os.environ)),
    ):
        worst.append(_looked(subject, told))
    if max(worst) is not Exit.PUBLISHED:
        raise typer.Exit(max(worst))


def _found(finding: Finding) -> Exit:
    """Print a finding; the code that it makes the doctor leave with."""
    line = f"{finding.subject:<12}{'warning: ' if finding.kind == 'warning' else ''}{finding.sentence}"
    code = {"refused": Exit.REFUSED, "fault": Exit.FAULT}.get(finding.kind, Exit.PUBLISHED)
    if code is Exit.PUBLISHED:
        console.print(line, markup=False, soft_wrap=True)
    else:
        errors.print(line, style="red", markup=False, soft_wrap=True)
    return code


def _looked(subject: str, told: Iterator[str]) -> Exit:
    """Print what was looked at up to the first thing that would stop a night, so that all subjects are heard."""
    try:
        for line in told:
            console.print(f"{subject:<12}{line}" if subject else line, markup=False, soft_wrap=True)
    except Exception as error:
        code = EXIT_OF_ERROR.get(type(error).__name__)
        if code is None:
            raise
        errors.print(f"{subject:<12}{error}" if subject else str(error), style="red", markup=False, soft_wrap=True)
        return code
    return Exit.PUBLISHED


@app.command()
@refusals_as_sentences
def fetch(
    crm: Annotated[str, typer.Argument(help="salesforce or hubspot; credentials come from the environment.")],
    full: Annotated[bool, typer.Option("--full", help="Everything again, not only what changed.")] = False,
    until: Annotated[
        str | None,
        typer.Option(help="Changes before this instant, or to the end of this business date; up to now by default."),
    ] = None,
) -> None:
    """Take what changed in a CRM from its API into the inbox, where the next night finds it."""
    from orchestration.ingest.api import fetch as api
    from orchestration.opening import mappings

    mapped = mappings()
    if crm not in mapped:
        raise NightFailed(f"No CRM {crm!r} is mapped; there are {', '.join(mapped)}.", Exit.REFUSED)
    home = home_from_environment()
    now = datetime.now(UTC).replace(microsecond=0)
    fetched = api.fetch(
        api.connect(mapped[crm], os.environ),
        mapped[crm],
        home.inbox,
        home.cursors(crm),
        until=_before(until, now) if until else now,
        is_full=full,
        is_past=until is not None,
    )
    table = Table("file", "rows", "holds")
    for name, (rows, extract) in fetched.files.items():
        table.add_row(name, f"{rows:,}", "all" if extract == "full" else "changes")
    console.print(table)
    console.print(f"Extract: {fetched.path}", soft_wrap=True)


def main() -> None:
    app()


def _night(standards: Standards, business_date: datetime | None) -> Night:
    time_zone = standards.company.time_zone
    latest = latest_business_date(datetime.now(UTC), time_zone)
    asked = business_date.date() if business_date else latest
    if asked > latest:
        raise NightFailed(
            f"--date {asked}: this business date is not over in {time_zone}; the latest night is {latest}.",
            Exit.REFUSED,
        )
    return Night(
        business_date=asked, time_zone=time_zone, home=home_from_environment(), standards=standards_from_environment()
    )


def _before(until: str, now: datetime) -> datetime:
    """The instant that `--until` names, as the name of a folder in the inbox would."""
    from orchestration.ingest.inbox import extracted_at

    asked = extracted_at(until, load(standards_from_environment()).company.time_zone)
    if asked is None:
        raise NightFailed(f"--until {until}: should be such as 2026-03-31 or 2026-03-31T21:30:00Z.", Exit.REFUSED)
    if asked > now:
        raise NightFailed(f"--until {until}: is not over yet; leave it out to fetch up to now.", Exit.REFUSED)
    return asked


def _run(tonight: Night, *, alerts: bool, form: LogFormat) -> None:
    """Run all assets of the night in this process, recorded in Dagster's own storage."""
    _execute(tonight, {"ops": {"alerts": {"config": {"send": alerts}}}}, form)


def _replay(night: Night) -> None:
    """Build the warehouse of a night again from what the lake knew; nothing is taken, published or sent."""
    config = {"resources": {"nightly": {"config": {"is_taking": False}}}}
    _execute(night, config, LogFormat.TEXT, without_group="publish")


def _execute(night: Night, config: Mapping[str, Any], form: LogFormat, *, without_group: str | None = None) -> None:
    prepare_dagster_home(night.home)
    import dagster as dg

    from orchestration.definitions import defs

    loaded = defs()
    graph = loaded.resolve_asset_graph()
    chosen = [key for key in graph.materializable_asset_keys if graph.get(key).group_name != without_group]
    lines = {"night": str(night.business_date), "format": form.value}
    # dbt tells every test that passes; that belongs in a log, beside what Dagster keeps of the run.
    with (
        dg.DagsterInstance.get() as instance,
        (night.home.dagster / "last_night.log").open("w", encoding="utf-8") as log,
        redirect_stdout(log),
    ):
        result = loaded.resolve_job_def("night").execute_in_process(
            partition_key=str(night.business_date),
            instance=instance,
            raise_on_error=False,
            asset_selection=chosen if without_group else None,
            run_config={"loggers": {"step_lines": {"config": lines}}, **config},
        )
    if not result.success:
        raise _first_failure(result)


def _first_failure(result: Any) -> NightFailed:
    for event in result.all_events:
        if event.event_type_value == "STEP_FAILURE":
            # What the product itself says of a failure; of one that it does not know, what lies at its bottom.
            causes = [event.step_failure_data.error]
            while causes[-1].cause is not None:
                causes.append(causes[-1].cause)
            known = [each for each in causes if (each.cls_name or "").rsplit(".", 1)[-1] in EXIT_OF_ERROR]
            cause = known[0] if known else causes[-1]
            name = cause.cls_name or ""
            sentence = cause.message.strip().removeprefix(f"{name}:").removeprefix(f"{cause.cls_name}: ").strip()
            code = EXIT_OF_ERROR.get(name.rsplit(".", 1)[-1], Exit.FAULT)
            if code is Exit.FAULT:
                where = cause.stack[-1].strip().splitlines()[0] if cause.stack else ""
                sentence = f"The night stopped in step {event.step_key}: {sentence}\n{where}"
            # Only files are switched before that step.
            kept = "in PostgreSQL" if event.step_key == "served_postgres" else "served"
            return NightFailed(f"{sentence}\nThe last good night stays {kept}.", code)
    return NightFailed("The night stopped before its first step; see the log above.", Exit.FAULT)


def prepare_dagster_home(home: Home) -> None:
    """Give Dagster its storage under the home, with telemetry off, before anything of it is imported."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    settings = PROJECT / "orchestration" / "dagster.yaml"
    target = home.dagster / "dagster.yaml"
    if not target.exists() or target.read_bytes() != settings.read_bytes():
        target.write_bytes(settings.read_bytes())
    os.environ["DAGSTER_HOME"] = str(home.dagster)


def _print_summary(tonight: Night) -> None:
    from orchestration.publishing.alerts import record as told
    from orchestration.publishing.summary import summary_rows
    from orchestration.warehouse import read_served

    record = read_record(tonight.archive)
    served = tonight.served_file
    shown = ("deals_current", "quality_violations", "forecast_period", "forecast_accuracy")
    tables = {name: read_served(served, name) for name in shown}
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    company = load(tonight.standards).company
    lines = summary_rows(
        tables,
        rows_in=record.rows_in,
        rows_quarantined=record.rows_quarantined,
        extracts_held=record.extracts_held,
        language=company.language,
        business_date=tonight.business_date,
        currency=company.reporting_currency,
    )
    for label, value in lines:
        table.add_row(label, value)
    console.print(table)
    for reason in record.held_reasons:
        console.print(f"Held             {reason}", soft_wrap=True)
    current = _current_record(tonight.home)
    is_latest = current is not None and current.business_date == tonight.business_date
    if is_latest:
        console.print(f"Served database  {tonight.current_file}", soft_wrap=True)
    else:
        console.print(f"Served database  {served}  (an earlier night; readers keep the latest)", soft_wrap=True)
    console.print(f"Review page      {tonight.review_file}", soft_wrap=True)
    console.print(f"Forecast page    {tonight.forecast_file}", soft_wrap=True)
    console.print(f"Insights page    {tonight.insights_file}", soft_wrap=True)
    console.print(f"Dictionary       {tonight.home.dictionary_file}", soft_wrap=True)
    for sentence in told.sentences(told.read(tonight.alerts_file), is_latest=is_latest):
        console.print(f"Alerts           {sentence}", markup=False, soft_wrap=True)


def _measures_table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """One line per period kind, lead and method; a dash where a measure cannot be had."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    names = ("n", "WAPE", "bias", "MASE", "coverage", "width", "pinball", "Brier", "ECE")
    for name in ("period", "lead days", "method"):
        table.add_column(name, no_wrap=True)
    for name in names:
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("", no_wrap=True)
    for row in rows:
        table.add_row(
            row["period_kind"],
            row["lead_bucket"],
            row["method"],
            f"{row['n']:,}",
            _told(row["wape"], "{:.1%}"),
            _told(row["bias"], "{:+.1%}"),
            _told(row["mase"], "{:.2f}"),
            _told(row["coverage"], "{:.0%}"),
            _told(row["width"], "{:.1%}"),
            _told(row["pinball_loss"], "{:,.0f}"),
            _told(row["brier"], "{:.4f}"),
            _told(row["ece"], "{:.3f}"),
            ", ".join(
                said
                for said, holds in (("champion", row["is_champion"]), ("few periods", row["is_insufficient_history"]))
                if holds
            ),
        )
    return table


def _chances_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """One line per question and method, over all bins."""
    table = Table(title="Chances of single deals", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("won by the end of", "method"):
        table.add_column(name, no_wrap=True)
    for name in ("n", "promised", "came", "Brier", "ECE", "still open"):
        table.add_column(name, no_wrap=True, justify="right")
    for row in rows:
        table.add_row(
            row["question"].replace("_", " "),
            row["method"],
            f"{row['n']:,}",
            _told(row["mean_chance"], "{:.1%}"),
            _told(row["observed_share"], "{:.1%}"),
            _told(row["brier"], "{:.4f}"),
            _told(row["ece"], "{:.3f}"),
            f"{row['n_still_open']:,}",
        )
    return table


def _told(value: float | None, how: str) -> str:
    return "-" if value is None else how.format(value)


def _current_record(home: Home) -> NightRecord | None:
    archives = published_archives(home)
    return read_record(archives[-1]) if archives else None


if __name__ == "__main__":
    main()
