/* What lists of deals share: the names of things, pieces of rows and details, columns, filters.
   Belongs here: what more than one of them needs, of the review or of the forecast. Not here: any list (review_*.js,
   forecast_*.js), how a list works (explorer.js). */
"use strict";
stageproof.review = (() => {
  const { data, table, el, datum, say, number, money, explorer } = stageproof;
  const tables = Object.fromEntries(Object.entries(data.tables).map(([name, stored]) => [name, table(stored)]));
  const { deals, stages, rules } = tables;
  const language = () => stageproof.language();
  /* A wording that has a column for each language. */
  const worded = (from, name, row) => from.at(`${name}_${language()}`, row);
  const named = (names, key) => (names[key] ? say(...names[key]) : key);
  /* Both wordings of a text; data where they are one. */
  const wording = (en, zh) => (en === zh ? datum(en) : document.createTextNode(say(en, zh) ?? stageproof.NOT_KNOWN));
  const pair = (from, name, row) => wording(from.at(`${name}_en`, row), from.at(`${name}_zh`, row));

  // Pieces of rows and details

  const funnels = new Set(stages.columns.funnel_en.texts ?? Array.from({ length: stages.rows }, (_, row) => stages.at("funnel_en", row)));
  const stageName = (stage) => {
    const name = pair(stages, "name", stage);
    if (funnels.size < 2) return name;
    return el("span", {}, name, el("span", { class: "soft" }, say(", ", "，"), pair(stages, "funnel", stage)));
  };
  const stageText = (stage) => worded(stages, "name", stage);
  const severityMark = (severity) =>
    severity === "block" ? el("span", { class: "severity block" }, say("Blocking", "阻断")) : el("span", { class: "severity warn" }, say("Warning", "提醒"));
  /* The address of a deal's record; null where the company has given none, or the id makes none. */
  const address = (deal) => {
    const pattern = data.links[deals.at("crm", deal)];
    if (!pattern) return null;
    const made = pattern.replace("{deal_id}", () => encodeURIComponent(deals.at("deal_id", deal)));
    return /^https?:\/\//i.test(made) ? made : null;
  };
  const crmName = (deal) => named(data.names.crms, deals.at("crm", deal));
  const recordLink = (deal, label) => {
    const href = address(deal);
    if (!href) return null;
    const open = say(`Open in ${crmName(deal)}`, `在 ${crmName(deal)} 中打开`);
    return el("a", { href, target: "_blank", rel: "noopener noreferrer", class: label ? "button" : "record", "aria-label": label ? null : open, title: label ? null : open }, label ? `${open} ↗` : "↗");
  };
  const dealCell = (deal, stage) =>
    el(
      "div",
      {},
      el("div", { class: "deal-line" }, el("span", { class: "deal-name clip", translate: "no", title: deals.at("deal_name", deal) }, datum(deals.at("deal_name", deal))), recordLink(deal, false)),
      el("div", { class: "small soft clip" }, stageName(stage), " · ", datum(deals.at("deal_id", deal))),
    );
  const people = (from, row) =>
    el("div", { class: "two-lines" }, el("div", { class: "clip" }, datum(from.at("owner", row))), el("div", { class: "small soft clip" }, datum(from.at("team", row))));
  const amountCell = (deal) => el("span", {}, money(deals.at("amount", deal)));
  const fact = (label, value) => (value === null || value === undefined ? [] : [el("dt", {}, label), el("dd", {}, value)]);
  const facts = (...parts) => el("dl", { class: "facts" }, ...parts.flat());
  const nights = (count) => say(`${number(count)} ${count === 1 ? "night" : "nights"}`, `${number(count)} 晚`);
  const inDays = (count) => (count === null ? stageproof.NOT_KNOWN : say(`${number(count)} ${count === 1 ? "day" : "days"}`, `${number(count)} 天`));
  const part = (title, ...content) => el("section", { class: "part" }, el("h4", {}, title), ...content);
  const dealFacts = (deal, from, row) => [
    fact(say("Deal", "商机"), el("span", {}, datum(deals.at("deal_name", deal)), " ", el("span", { class: "soft" }, datum(deals.at("deal_id", deal))))),
    fact(say("Stage now", "当前阶段"), stageName(from.at("stage", row))),
    fact(say("Owner", "负责人"), datum(from.at("owner", row))),
    fact(say("Team", "团队"), datum(from.at("team", row))),
    fact(say("Amount at risk", "风险金额"), el("span", {}, money(deals.at("amount", deal)), " ", el("span", { translate: "no" }, data.currency))),
  ];

  // Columns that several lists share

  const dealRank = explorer.byText(
    () => Array.from({ length: deals.rows }, (_, deal) => deals.at("deal_name", deal)),
    (deal) => deal,
  );
  const amountRank = (() => {
    const order = Array.from({ length: deals.rows }, (_, deal) => deal).filter((deal) => deals.at("amount", deal) !== null);
    order.sort((one, other) => {
      const difference = deals.at("amount", one) - deals.at("amount", other);
      return difference < 0n ? -1 : difference > 0n ? 1 : 0;
    });
    const rank = new Int32Array(deals.rows).fill(-1);
    for (const [place, deal] of order.entries()) rank[deal] = place && deals.at("amount", order[place - 1]) === deals.at("amount", deal) ? rank[order[place - 1]] : place;
    return (deal) => rank[deal];
  })();
  /* Codes of a text column, also of one whose texts hardly repeat. */
  const coded = (from, name) => {
    const stored = from.columns[name];
    if (stored.texts) return { texts: stored.texts, code: stored.code };
    const codes = new Map();
    const of = new Int32Array(from.rows);
    for (let row = 0; row < from.rows; row += 1) {
      const text = stored.at(row);
      if (text !== null && !codes.has(text)) codes.set(text, codes.size);
      of[row] = text === null ? -1 : codes.get(text);
    }
    return { texts: [...codes.keys()], code: (row) => of[row] };
  };
  const textRank = ({ texts, code }) => explorer.byText(() => texts, code);
  const textFacet = (key, title, { texts, code }) => ({
    key,
    title,
    size: texts.length,
    code,
    keyOf: (at) => (at < 0 ? "" : texts[at]),
    label: (at) => (at < 0 ? el("span", {}, say("none", "无")) : datum(texts[at])),
    order: "weight",
  });
  const nameFacet = (key, title, { texts, code }, names, order) => ({
    key,
    title,
    size: texts.length,
    code,
    keyOf: (at) => (at < 0 ? "" : texts[at]),
    label: (at) => el("span", {}, at < 0 ? say("none", "无") : named(names, texts[at])),
    order,
  });
  const stageFacet = (from) => ({
    key: "stage",
    title: ["Stage now", "当前阶段"],
    size: stages.rows,
    code: (row) => from.at("stage", row) ?? -1,
    keyOf: (at) => (at < 0 ? "" : `${stages.at("funnel_en", at)}/${stages.at("name_en", at)}`),
    label: (at) => (at < 0 ? el("span", {}, say("none", "无")) : el("span", {}, stageName(at))),
    order: "given",
  });
  const weight = (from) => ({
    of: (row) => from.at("deal", row),
    amount: (deal) => deals.at("amount", deal),
    word: [["deal", "deals"], "个商机"],
  });
  const searchedDeals = (from) => [
    { size: deals.rows, code: (row) => from.at("deal", row), text: (deal) => deals.at("deal_name", deal) },
    { size: deals.rows, code: (row) => from.at("deal", row), text: (deal) => deals.at("deal_id", deal) },
    { size: stages.rows, code: (row) => from.at("stage", row) ?? -1, text: (stage) => `${stages.at("name_en", stage)} ${stages.at("name_zh", stage)}` },
  ];
  const searched = ({ texts, code }) => ({ size: texts.length, code, text: (at) => texts[at] });
  const dealFiles = (from) => [
    { title: ["Deal", "商机"], kind: "text", width: 32, value: (row) => deals.at("deal_name", from.at("deal", row)) },
    { title: ["Deal id", "商机编号"], kind: "text", value: (row) => deals.at("deal_id", from.at("deal", row)) },
    { title: ["CRM", "CRM"], kind: "text", width: 12, value: (row) => deals.at("crm", from.at("deal", row)) },
    { title: ["Link", "链接"], kind: "text", value: (row) => address(from.at("deal", row)) },
    { title: ["Stage now", "当前阶段"], kind: "text", value: (row) => stageText(from.at("stage", row)) },
    { title: ["Owner", "负责人"], kind: "text", value: (row) => from.at("owner", row) },
    { title: ["Team", "团队"], kind: "text", value: (row) => from.at("team", row) },
    { title: [`Amount, ${data.currency}`, `金额，${data.currency}`], kind: "money", value: (row) => deals.at("amount", from.at("deal", row)) },
  ];

  return {
    amountCell,
    amountRank,
    coded,
    dealCell,
    dealFacts,
    dealFiles,
    dealRank,
    deals,
    fact,
    facts,
    inDays,
    nameFacet,
    named,
    nights,
    pair,
    part,
    people,
    recordLink,
    rules,
    searched,
    searchedDeals,
    severityMark,
    stageFacet,
    stageName,
    tables,
    textFacet,
    textRank,
    weight,
    worded,
    wording,
  };
})();
