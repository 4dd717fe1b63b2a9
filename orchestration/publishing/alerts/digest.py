"""One digest: which news an audience is told, in which order, and how much of it fits into a message.

Belongs here: choosing, ordering, counting and laying out lines; pure. Not here: single phrases (`wording`), Apprise.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal
from urllib.parse import quote

from orchestration.publishing.alerts import wording
from orchestration.publishing.alerts.news import Deal, Keyed, News, Rule, Stall, Violation
from orchestration.publishing.alerts.wording import plain

Style = Literal["text", "markdown"]


@dataclass(frozen=True)
class Audience:
    """Who is told what. A filter that is None leaves nothing out; owner_key: the owner of whose deals alone it is.

    severities and rules are of violations, funnels, stages and teams of deals; news about the data passes them all.
    """

    audience: str
    language: str
    tells: frozenset[str]
    severities: frozenset[str] | None = None
    rules: frozenset[str] | None = None
    funnels: frozenset[str] | None = None
    stages: frozenset[str] | None = None
    teams: frozenset[str] | None = None
    most_shown: int = 20
    owner_key: str | None = None


@dataclass(frozen=True)
class Line:
    """One line. link: an address that the text names."""

    text: str
    kind: Literal["plain", "heading", "item", "detail"] = "plain"
    link: str | None = None


@dataclass(frozen=True)
class Section:
    """Lines that say what the entries have in common, and the entries, each of one or more lines."""

    heading: tuple[Line, ...]
    entries: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True)
class Digest:
    """What one audience is told. keys: what it then has been told, whether shown or only counted."""

    subject: str
    language: str
    head: tuple[Line, ...]
    sections: tuple[Section, ...]
    review: Line
    most_shown: int
    keys: tuple[str, ...]

    @property
    def new(self) -> int:
        return len(self.keys)


def chosen(news: News, audience: Audience, told: Collection[str] = ()) -> News:
    """The news that an audience is told, without what it has been told."""
    rules, severities = audience.rules, audience.severities

    def concerns(deal: Deal) -> bool:
        return (
            (audience.funnels is None or deal.funnel in audience.funnels)
            and (audience.stages is None or deal.stage in audience.stages)
            and (audience.teams is None or deal.team in audience.teams)
            and (audience.owner_key is None or deal.owner_key == audience.owner_key)
        )

    def violated(violations: Sequence[Violation]) -> tuple[Violation, ...]:
        return tuple(
            each
            for each in violations
            if "violations" in audience.tells
            and each.key not in told
            and (rules is None or each.rule.rule_id in rules)
            and (severities is None or each.rule.severity in severities)
            and concerns(each.deal)
        )

    def about_data(name: str) -> bool:
        return name in audience.tells and audience.owner_key is None

    return replace(
        news,
        violations=violated(news.violations),
        backlog=violated(news.backlog),
        stalled=tuple(
            each
            for each in news.stalled
            if "stalled" in audience.tells and each.key not in told and concerns(each.deal)
        ),
        incidents=tuple(each for each in news.incidents if about_data("incidents") and each.key not in told),
        held_extracts=tuple(
            each for each in news.held_extracts if about_data("held_extracts") and each.key not in told
        ),
        expectations=tuple(each for each in news.expectations if about_data("expectations") and each.key not in told),
    )


def owners(news: News, audience: Audience) -> list[str]:
    """Owner keys of the deals that there is news of, in their order, as far as the audience lets them through."""
    passing = chosen(news, audience)
    deals = [*(each.deal for each in passing.violations), *(each.deal for each in passing.stalled)]
    return sorted({deal.owner_key for deal in deals if deal.owner_key is not None})


def compose(
    news: News,
    audience: Audience,
    review: str,
    told: Collection[str] = (),
    record_links: Mapping[str, str] | None = None,
) -> Digest | None:
    """The digest of an audience; None where there is nothing new for it. A backlog alone is nothing new.

    review: address or path of the review page. told: keys of what the audience has been told of this night.
    record_links: by CRM the address of a deal's record, with `{deal_id}` for its id.
    """
    own, language = chosen(news, audience, told), audience.language
    items: list[Keyed] = [*own.violations, *own.stalled, *own.incidents, *own.held_extracts, *own.expectations]
    keys = tuple(each.key for each in items)
    if not keys:
        return None
    blocking = sum(each.rule.severity == "block" for each in own.violations)
    return Digest(
        subject=wording.subject(news.company, str(news.business_date), len(keys), blocking, language),
        language=language,
        head=tuple(_head(own, audience, is_in_addition=bool(told))),
        sections=tuple(_sections(own, language, record_links or {})),
        review=_review(review, language),
        most_shown=audience.most_shown,
        keys=keys,
    )


def render(digest: Digest, fits: Callable[[str], bool], style: Style = "text") -> str:
    """The body with as many entries as the audience wants and the service takes; what is left out is counted.

    fits: whether the service takes a body. A service that takes not even the counts gets as much as fits of them.
    """
    entries = sum(len(section.entries) for section in digest.sections)
    most = min(entries, digest.most_shown)
    # The largest number that fits, by halving: a service may take six of a thousand.
    low, high = -1, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(_body(digest, middle, style)) else (low, middle - 1)
    if low >= 0:
        return _body(digest, low, style)
    shortest = _laid_out([*digest.head[:1], Line(wording.more(entries, digest.language))], style)
    while shortest and not fits(shortest):
        shortest = shortest[:-1]
    return shortest


def _body(digest: Digest, shown: int, style: Style) -> str:
    lines: list[Line | None] = [*digest.head]
    left = shown
    for section in digest.sections:
        entries = section.entries[:left]
        if entries:
            lines += [None, *section.heading, *(line for entry in entries for line in entry)]
        left -= len(entries)
    hidden = sum(len(section.entries) for section in digest.sections) - shown
    lines.append(None)
    if hidden:
        lines.append(Line(wording.more(hidden, digest.language)))
    lines.append(digest.review)
    return _laid_out(lines, style)


def _laid_out(lines: Sequence[Line | None], style: Style) -> str:
    """None is a blank line. Markdown takes a single line break for a space, so each line is a paragraph of its own."""
    if style == "markdown":
        return "\n\n".join(_as_markdown(line) for line in lines if line is not None)
    return "\n".join("" if line is None else _as_text(line) for line in lines)


def _as_text(line: Line) -> str:
    text = line.text if line.link is None else f"{line.text}: {line.link}"
    return {"item": f"- {text}", "detail": f"  {text}"}.get(line.kind, text)


def _as_markdown(line: Line) -> str:
    text = wording.markdown(line.text)
    if line.link is not None:
        text = f"[{text}](<{line.link}>)"
    return {"item": f"- {text}", "heading": f"**{text}**"}.get(line.kind, text)


def _review(review: str, language: str) -> Line:
    label = wording.REVIEW.in_language(language)
    if review.startswith(("http://", "https://")):
        return Line(label, link=review)
    return Line(f"{label}: {review}")


# The head


def _head(own: News, audience: Audience, *, is_in_addition: bool) -> Iterator[Line]:
    language, currency = audience.language, own.currency
    if audience.owner_key is not None:
        owner = own.violations[0].deal if own.violations else own.stalled[0].deal
        yield Line(wording.greeting(plain(owner.owner_name or owner.owner_key), language))
    if is_in_addition:
        yield Line(wording.IN_ADDITION.in_language(language))
    if own.violations:
        deals = _distinct(each.deal for each in own.violations)
        yield Line(
            wording.violations_in_total(
                len(own.violations),
                language,
                reopened=sum(each.change == "reopened" for each in own.violations),
                blocking=sum(each.rule.severity == "block" for each in own.violations),
                deals=len(deals),
                worth=_worth(deals, currency, language),
                without_amount=sum(deal.amount is None for deal in deals),
            )
        )
    if own.stalled:
        deals = _distinct(each.deal for each in own.stalled)
        yield Line(wording.stalls_in_total(len(deals), _worth(deals, currency, language), language))
    about_data = (len(own.incidents), len(own.held_extracts), len(own.expectations))
    if any(about_data):
        yield Line(wording.data_in_total(*about_data, language))
    if own.backlog:
        deals = _distinct(each.deal for each in own.backlog)
        yield Line(wording.backlog_in_total(len(own.backlog), len(deals), language))


def _distinct(deals: Iterator[Deal]) -> list[Deal]:
    return list({deal.deal_key: deal for deal in deals}.values())


def _worth(deals: Sequence[Deal], currency: str, language: str) -> str | None:
    """What deals are worth together, each once; None where none has an amount."""
    amounts = [deal.amount for deal in deals if deal.amount is not None]
    return wording.money(sum(amounts, Decimal(0)), currency, language) if amounts else None


# The entries


def _sections(own: News, language: str, links: Mapping[str, str]) -> Iterator[Section]:
    """What blocks, then what makes the numbers themselves doubtful, then what warns, then what stands still."""
    groups = _by_rule(own.violations)
    yield from (_rule_section(own, rule, each, language, links) for rule, each in groups if rule.severity == "block")
    data = [
        (wording.INCIDENTS, [wording.incident(each, language) for each in own.incidents]),
        (wording.HELD, [plain(each.reason, wording.FOUND_LENGTH) for each in own.held_extracts]),
        (wording.EXPECTATIONS, [wording.expectation(each, language) for each in own.expectations]),
    ]
    for kind, texts in data:
        if texts:
            heading = Line(_counted(kind.in_language(language), len(texts), language), "heading")
            yield Section((heading,), tuple((Line(text, "item"),) for text in texts))
    yield from (_rule_section(own, rule, each, language, links) for rule, each in groups if rule.severity != "block")
    if own.stalled:
        name = _counted(wording.STALLED.in_language(language), len(own.stalled), language)
        ordered = sorted(own.stalled, key=lambda each: _by_amount(each.deal))
        yield Section(
            (Line(name, "heading"),),
            tuple(tuple(_stall(each, own.currency, language, links)) for each in ordered),
        )


def _by_rule(violations: Sequence[Violation]) -> list[tuple[Rule, list[Violation]]]:
    """The rule that most deals violate first; within a rule the largest amount first."""
    by_rule: dict[Rule, list[Violation]] = defaultdict(list)
    for each in violations:
        by_rule[each.rule].append(each)
    groups = [(rule, sorted(each, key=lambda one: (*_by_amount(one.deal), one.key))) for rule, each in by_rule.items()]
    return sorted(groups, key=lambda group: (-len(group[1]), group[0].rule_id, group[0].severity))


def _by_amount(deal: Deal) -> tuple[bool, Decimal, str]:
    return deal.amount is None, -(deal.amount or Decimal(0)), deal.deal_key


def _rule_section(
    own: News, rule: Rule, violations: Sequence[Violation], language: str, links: Mapping[str, str]
) -> Section:
    parts = [wording.SEVERITIES[rule.severity].in_language(language)]
    asked = rule.wording.in_language(language)
    if rule.place is not None:
        parts.append(rule.place.in_language(language))
        asked = _labelled(wording.EXPECTED.in_language(language), asked, language)
    heading = [Line(_counted(" | ".join([*parts, asked]), len(violations), language), "heading")]
    advice = rule.advice.in_language(language)
    if advice:
        heading.append(Line(_labelled(wording.WHAT_TO_DO.in_language(language), advice, language)))
    return Section(tuple(heading), tuple(tuple(_violation(each, own, language, links)) for each in violations))


def _violation(each: Violation, own: News, language: str, links: Mapping[str, str]) -> Iterator[Line]:
    yield Line(_deal(each.deal, own.currency, language), "item")
    stage = own.stage_names.get((each.deal.funnel, each.observed)) if each.observed else None
    text = _labelled(wording.FOUND.in_language(language), wording.found(each, stage, language), language)
    if each.change == "reopened":
        text += _aside(wording.reopened(each, language), language)
    yield Line(text, "detail")
    yield from _record(each.deal, language, links)


def _stall(each: Stall, currency: str, language: str, links: Mapping[str, str]) -> Iterator[Line]:
    yield Line(_deal(each.deal, currency, language), "item")
    if each.reason is not None:
        yield Line(_labelled(wording.WHY.in_language(language), each.reason.in_language(language), language), "detail")
    if each.action is not None:
        yield Line(
            _labelled(wording.WHAT_TO_DO.in_language(language), each.action.in_language(language), language), "detail"
        )
    yield from _record(each.deal, language, links)


def _deal(deal: Deal, currency: str, language: str) -> str:
    name = plain(deal.name)
    if deal.deal_id != deal.name:
        name += _aside(plain(deal.deal_id), language)
    owner = plain(deal.owner_name or deal.owner_key) or wording.NO_OWNER.in_language(language)
    who = f"{owner}, {plain(deal.team)}" if deal.team else owner
    stage = plain(deal.stage_name.in_language(language))
    return " | ".join([name, stage, who, wording.money(deal.amount, currency, language)])


def _record(deal: Deal, language: str, links: Mapping[str, str]) -> Iterator[Line]:
    pattern = links.get(deal.crm or "")
    if pattern is not None:
        address = pattern.replace("{deal_id}", quote(deal.deal_id, safe=""))
        yield Line(wording.OPEN_IN_CRM.in_language(language), "detail", link=address)


def _labelled(label: str, text: str, language: str) -> str:
    return f"{label}：{text}" if language == "zh" else f"{label}: {text}"


def _counted(text: str, number: int, language: str) -> str:
    return text + _aside(f"{number:,}", language)


def _aside(text: str, language: str) -> str:
    return f"（{text}）" if language == "zh" else f" ({text})"
