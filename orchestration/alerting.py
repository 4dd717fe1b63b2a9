"""Who is told of a night: joins what it published, what the company has decided, and the delivery of digests.

For those who run or check a night, in Dagster or on the command line. Belongs here: which recipients there are, what
each was told already, and the sentences about it. Not here: what a digest says or how it is sent
(`publishing.alerts`). Nothing here ever fails a night.
"""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

import polars as pl

from orchestration.night import PROJECT, Home, Night, published_archives, read_record, replace_file
from orchestration.publishing import archive
from orchestration.publishing.alerts import record
from orchestration.publishing.alerts.digest import Audience, Digest, compose, owners, render
from orchestration.publishing.alerts.news import Before, News, news
from orchestration.publishing.alerts.record import OWNERS, SETTLED, UNSETTLED, Delivery, Record, Status, sentences
from orchestration.publishing.alerts.sending import Outcome, Parcel, Patience, send, understood
from orchestration.warehouse import read_served
from quality.standards import Standards, tables
from quality.standards_models import AlertAudience, AlertOwners

ADDRESS = "{address}"
_CHANGED = "business_date = $night and state = 'open' and change in ('new', 'reopened', 'backlog')"
_OF_DEALS = ["deal_key", "deal_id", "deal_name", "crm", "funnel", "stage", "stage_name_en", "stage_name_zh"]


@dataclass(frozen=True)
class _Recipient:
    """One recipient with something to be told. url: None where there is none, and then why."""

    audience: str
    recipient: str
    digest: Digest
    told: tuple[str, ...]
    url: str | None = field(repr=False)
    status: Status = "failed"
    reason: str | None = None

    def delivery(self, outcome: Outcome | None = None) -> Delivery:
        is_delivered = outcome is not None and outcome.is_delivered
        return Delivery(
            audience=self.audience,
            recipient=self.recipient,
            status="delivered" if is_delivered else self.status,
            new=self.digest.new,
            told=(*self.told, *self.digest.keys) if is_delivered else self.told,
            attempts=outcome.attempts if outcome else 0,
            reason=outcome.reason if outcome else self.reason,
        )


def is_configured(standards: Standards) -> bool:
    return bool(standards.alerts.audiences or standards.alerts.owners)


def alert(
    night: Night,
    standards: Standards,
    environment: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> Record | None:
    """Tell every audience what is new in a night and was not told it yet; what became of it is recorded.

    None where there is nobody to tell, or where a later night is published: news of the past is none. A digest that
    was delivered is not sent again; one that failed is. Never raises: a fault of alerts is recorded as one.
    """
    if not is_configured(standards) or not night.is_latest:
        return None
    known = Record()
    try:
        known = record.read(night.alerts_file)
        _tell(night, standards, environment, known, sleep)
        return record.read(night.alerts_file)
    except Exception as error:
        made = Record(known.deliveries, _place(error))
        # A full disk may be the very fault; the sentence is told all the same.
        with suppress(OSError):
            replace_file(night.alerts_file, record.content(made.deliveries, made.fault))
        return made


def _place(error: Exception) -> str:
    """The kind of an error and where in our own code it arose, without its text, which may hold a secret."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(PROJECT / "orchestration")
    ]
    return f"{type(error).__name__} in {Path(ours[-1].filename).name}, line {ours[-1].lineno}"


def _tell(
    night: Night,
    standards: Standards,
    environment: Mapping[str, str],
    known: Record,
    sleep: Callable[[float], None],
) -> None:
    telling = _Telling(standards, environment, _news(night, standards), _review(night, standards), known)
    found = list(telling.recipients())
    sendable = [each for each in found if isinstance(each, _Recipient) and each.url is not None]
    others = [each for each in found if isinstance(each, Delivery)]
    others += [each.delivery() for each in found if isinstance(each, _Recipient) and each.url is None]
    current = {(each.audience, each.recipient) for each in found}
    # Whoever is no longer to be told, or has nothing new tonight, was told all the same.
    others += [
        each for each in known.deliveries if each.status in SETTLED and (each.audience, each.recipient) not in current
    ]
    outcomes: dict[int, Outcome] = {}

    def write() -> None:
        told = [each.delivery(outcomes.get(number)) for number, each in enumerate(sendable)]
        replace_file(night.alerts_file, record.content([*others, *told]))

    def done(number: int, outcome: Outcome) -> None:
        # Written each time: what was delivered before a crash is not delivered again after it.
        outcomes[number] = outcome
        write()

    if sendable:
        parcels = [Parcel(each.url or "", each.digest.subject, partial(render, each.digest)) for each in sendable]
        send(parcels, Patience(**standards.alerts.retries.model_dump()), done, sleep)
    write()


@dataclass(frozen=True)
class _Telling:
    """One night and those who may be told of it."""

    standards: Standards
    environment: Mapping[str, str]
    found: News
    review: str
    known: Record

    def recipients(self) -> Iterator[Delivery | _Recipient]:
        """Each with a digest to be sent, or with what there is to say without one."""
        for each in self.standards.alerts.audiences:
            yield from self._audience(each)
        if self.standards.alerts.owners:
            yield from self._owners(self.standards.alerts.owners)

    def _audience(self, configured: AlertAudience) -> Iterator[Delivery | _Recipient]:
        name, variable = configured.audience, configured.url_variable
        audience = _as_audience(name, configured, self.standards)
        urls = self.environment.get(variable, "").split()
        if not urls:
            digest = compose(self.found, audience, self.review)
            new = digest.new if digest else 0
            yield Delivery(name, "", "not_configured", new=new, reason=f"{variable} is not set")
        for number, url in enumerate(urls, start=1):
            yield self._recipient(audience, str(number), url)

    def _owners(self, configured: AlertOwners) -> Iterator[Delivery | _Recipient]:
        audience = _as_audience(OWNERS, configured, self.standards)
        template, variable = self.environment.get(configured.url_variable, "").strip(), configured.url_variable
        concerned = owners(self.found, audience)
        if ADDRESS not in template:
            # Without its place an address would not be used, and one would get the deals of all.
            why = f"{variable} holds no {ADDRESS}" if template else f"{variable} is not set"
            yield Delivery(OWNERS, "", "not_configured", new=len(concerned), reason=why)
            return
        if not concerned:
            yield Delivery(OWNERS, "", "nothing_new")
        for owner in concerned:
            address = configured.addresses.get(owner)
            # Quoted whole: what an address holds is never a part of the URL's own form.
            url = None if address is None else template.replace(ADDRESS, quote(address, safe=""))
            yield self._recipient(replace(audience, owner_key=owner), owner, url)

    def _recipient(self, audience: Audience, recipient: str, url: str | None) -> Delivery | _Recipient:
        before = self.known.of(audience.audience, recipient)
        told = before.told if before else ()
        digest = compose(self.found, audience, self.review, told, self.standards.company.record_links)
        if digest is None:
            if before is None or not told:
                return Delivery(audience.audience, recipient, "nothing_new")
            # What was told stays told, and whatever failed since then is no news any more.
            return replace(before, status="delivered", reason=None)
        if url is None:
            reason = "alerts.yml has no address for this owner"
            return _Recipient(audience.audience, recipient, digest, told, None, status="no_address", reason=reason)
        return _Recipient(audience.audience, recipient, digest, told, url)


def _as_audience(name: str, configured: AlertAudience | AlertOwners, standards: Standards) -> Audience:
    def only(names: Sequence[str] | None) -> frozenset[str] | None:
        return None if names is None else frozenset(names)

    return Audience(
        audience=name,
        language=configured.language or standards.company.language,
        tells=frozenset(configured.tells),
        severities=only(configured.severities),
        rules=only(configured.rules),
        funnels=only(configured.funnels),
        stages=only(configured.stages),
        teams=only(configured.teams),
        most_shown=configured.most_shown,
    )


def _news(night: Night, standards: Standards) -> News:
    """What is new in the night, from the very file that its readers have."""
    previous = night.previous_business_date()
    nights = {"night": night.business_date, "before": previous or night.business_date}
    tonight, two_nights = "business_date = $night", "business_date in ($night, $before)"
    earlier = night.earlier_archives()
    stalled_before = archive.history(earlier[-1:], "stalled")

    def read(table: str, where: str = "true", **values: object) -> pl.DataFrame:
        return read_served(night.served_file, table, where=where, values=values)

    served = {
        "quality_violations": read("quality_violations", _CHANGED, night=nights["night"]),
        "quality_rule_nights": read("quality_rule_nights", tonight, night=nights["night"]),
        "quality_incidents": read("quality_incidents", tonight, night=nights["night"]),
        "quality_expectations": read("quality_expectations", two_nights, **nights),
        "deals_stalled": read("deals_stalled"),
    }
    named = pl.concat([served[name]["deal_key"] for name in ("quality_violations", "deals_stalled")]).unique()
    served["deals_current"] = read_served(
        night.served_file, "deals_current", _OF_DEALS, "deal_key in (select unnest($keys))", {"keys": named.to_list()}
    )
    return news(
        served,
        tables(standards),
        night.business_date,
        read_record(night.archive).held_reasons,
        Before(
            business_date=previous,
            held_reasons=read_record(earlier[-1]).held_reasons if earlier else (),
            stalled=None if stalled_before is None else frozenset(stalled_before["deal_key"]),
        ),
    )


def _review(night: Night, standards: Standards) -> str:
    """Where the review page is: the address that alerts.yml gives, or its file."""
    url = standards.alerts.review_url
    return str(night.review_file) if url is None else url.replace("{business_date}", str(night.business_date))


def look(home: Home, standards: Standards, environment: Mapping[str, str]) -> Iterator[str]:
    """What `stageproof doctor` says of alerts: who would be told, what is missing for it, what was not delivered."""
    configured: list[tuple[str, AlertAudience | AlertOwners]] = [
        (each.audience, each) for each in standards.alerts.audiences
    ]
    if standards.alerts.owners:
        configured.append((OWNERS, standards.alerts.owners))
    if not configured:
        yield "nobody is told: alerts.yml names no audience"
        return
    yield "told each night: " + ", ".join(name for name, _ in configured)
    for name, each in configured:
        yield from (f"warning: {name} is not told: {why}" for why in _missing(each, environment))
    for folder in published_archives(home)[-1:]:
        made = record.read(home.alerts / f"{folder.name}.json")
        yield from (f"warning: night of {folder.name}: {line}" for line in sentences(made, about=UNSETTLED))


def _missing(each: AlertAudience | AlertOwners, environment: Mapping[str, str]) -> Iterator[str]:
    variable = each.url_variable
    held = environment.get(variable, "").split()
    if not held:
        yield f"{variable} is not set"
    if isinstance(each, AlertOwners):
        if held and ADDRESS not in held[0]:
            yield f"{variable} holds no {ADDRESS}"
            return
        held = [url.replace(ADDRESS, "li.na%40example.com") for url in held]
    for number, url in enumerate(held, start=1):
        if not understood(url):
            yield f"{variable} holds no URL that Apprise can use" + (f" in place {number}" if len(held) > 1 else "")
