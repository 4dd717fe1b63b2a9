/* The morning review: its charts and its three lists.
   Belongs here: which columns, filters and details violations, stalled deals and refused records have. Not here: how a
   list works (explorer.js), how a chart is drawn (charts.js), any figure (compose.py). */
"use strict";
(() => {
  const { data, table, el, datum, say, number, money, charts, explorer } = stageproof;
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
      el("div", { class: "deal-line" }, el("span", { class: "deal-name clip" }, datum(deals.at("deal_name", deal))), recordLink(deal, false)),
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

  // Violations

  const violations = tables.violations;
  const ruleOf = (row) => violations.at("rule", row);
  const dealOf = (row) => violations.at("deal", row);
  const codes = Object.fromEntries(
    ["owner", "team", "status", "severity", "found_en", "found_zh", "claimed_en", "claimed_zh", "waived_by", "waived_why"].map((name) => [name, coded(violations, name)]),
  );
  const listing = coded(violations, "listing");
  const isListed = (key) => {
    const at = listing.texts.indexOf(key);
    return (row) => listing.code(row) === at;
  };
  // Worst first, as people know it, not as the letters have it.
  const severities = ["block", "warn"];
  const severityFacet = {
    key: "severity",
    title: ["Severity", "级别"],
    size: severities.length,
    code: (row) => severities.indexOf(violations.at("severity", row)),
    keyOf: (at) => severities[at] ?? "",
    label: (at) => severityMark(severities[at]),
    order: "given",
  };
  const ruleFacet = {
    key: "rule",
    title: ["Rule", "规则"],
    size: rules.rows,
    code: ruleOf,
    keyOf: (at) => (at < 0 ? "" : rules.at("rule_id", at)),
    label: (at) => el("span", {}, at < 0 ? "" : pair(rules, "expected", at)),
    order: "weight",
  };
  const statusMark = (row) => {
    const status = violations.at("status", row);
    return el("span", { class: `status ${violations.at("listing", row)}${violations.at("is_new", row) ? " new" : ""}` }, named(data.names.statuses, status));
  };
  const isCarried = (row) => violations.at("status", row) === "carried";
  const unchecked = (row) =>
    violations.at("is_unchecked", row) ? el("div", { class: "small warn" }, say(`not checked tonight; last found ${violations.at("last_seen", row)}`, `今晚未检查，上次发现于 ${violations.at("last_seen", row)}`)) : null;
  const foundCell = (row) => el("div", {}, pair(violations, "found", row), unchecked(row));
  const expectedCell = (row) =>
    el(
      "div",
      { class: "expected" },
      el("div", { class: "clamp" }, el("span", { class: `mark ${violations.at("severity", row)}`, "aria-hidden": "true" }), el("span", { class: "unseen" }, severityMark(violations.at("severity", row)), say(": ", "：")), pair(rules, "expected", ruleOf(row))),
    );
  const waiver = (row) => {
    if (violations.at("listing", row) !== "waived") return null;
    return facts(
      fact(say("Answered for by", "批准人"), datum(violations.at("waived_by", row))),
      fact(say("Why", "原因"), datum(violations.at("waived_why", row))),
      fact(say("Until", "有效期至"), datum(violations.at("waived_until", row))),
    );
  };
  const violationDetails = (row) => {
    const rule = ruleOf(row);
    const deal = dealOf(row);
    const id = violations.at("violation_id", row);
    const first = violations.at("found_first_en", row);
    const place = rules.at("place_en", rule);
    return [
      datum(deals.at("deal_name", deal)),
      el("p", { class: "tags" }, severityMark(violations.at("severity", row)), statusMark(row), violations.at("is_backlog", row) ? el("span", { class: "status" }, say("From the backlog", "来自历史存量")) : null),
      recordLink(deal, true),
      part(say("Expected", "要求"), el("p", {}, pair(rules, "expected", rule)), place ? el("p", { class: "small soft" }, pair(rules, "place", rule)) : null),
      part(
        say("Found", "实际情况"),
        el("p", {}, pair(violations, "found", row)),
        unchecked(row),
        first === null ? null : el("p", { class: "small soft" }, say("When first seen: ", "首次发现时："), pair(violations, "found_first", row)),
      ),
      rules.at("advice_en", rule) ? part(say("What to do", "怎么办"), el("p", {}, pair(rules, "advice", rule))) : null,
      waiver(row) ? part(say("Waived", "豁免"), waiver(row)) : null,
      part(
        say("The deal", "商机"),
        facts(
          ...dealFacts(deal, violations, row),
          fact(say("Owner then", "当时的负责人"), violations.at("owner_first", row) === null ? null : datum(violations.at("owner_first", row))),
          fact(say("Claimed stage", "声称到达的阶段"), violations.at("claimed_en", row) === null ? null : pair(violations, "claimed", row)),
        ),
      ),
      part(
        say("Since when", "时间"),
        facts(
          fact(say("First seen", "首次发现"), datum(violations.at("first_seen", row))),
          fact(say("Last found", "最近发现"), datum(violations.at("last_seen", row))),
          fact(say("Open for", "未解决时长"), nights(violations.at("nights_open", row))),
          fact(say("Closed on", "关闭日期"), violations.at("closed_on", row) === null ? null : datum(violations.at("closed_on", row))),
        ),
      ),
      part(
        say("For the record", "标识"),
        facts(
          fact(say("Violation", "违规编号"), el("code", { translate: "no" }, id)),
          fact(say("Rule", "规则"), el("code", { translate: "no" }, rules.at("rule_id", rule))),
          fact(say("Visit", "停留"), violations.at("visit_id", row) === null ? null : el("code", { translate: "no" }, violations.at("visit_id", row))),
        ),
        violations.at("listing", row) === "open"
          ? el("p", { class: "small soft" }, say("To waive it: ", "如需豁免："), el("code", { translate: "no" }, `stageproof waive ${id} --by … --why … --until …`))
          : null,
      ),
    ];
  };
  const violationList = explorer.make(document.getElementById("violations-explorer"), {
    name: "violations",
    rows: violations.rows,
    views: [
      { key: "new", label: ["New since last night", "昨晚以来新增"], has: (row) => violations.at("is_new", row) === 1 },
      { key: "open", label: ["All open", "全部未解决"], has: isListed("open") },
      { key: "waived", label: ["Waived", "已豁免"], has: isListed("waived") },
      { key: "closed", label: ["Closed tonight", "今晚关闭"], has: isListed("closed") },
    ],
    facets: [
      severityFacet,
      nameFacet("status", ["Status", "状态"], codes.status, data.names.statuses, "weight"),
      stageFacet(violations),
      textFacet("owner", ["Owner", "负责人"], codes.owner),
      textFacet("team", ["Team", "团队"], codes.team),
      ruleFacet,
    ],
    searched: [
      ...searchedDeals(violations),
      searched(codes.owner),
      searched(codes.team),
      searched(codes.found_en),
      searched(codes.found_zh),
      { size: rules.rows, code: ruleOf, text: (rule) => `${rules.at("expected_en", rule)} ${rules.at("expected_zh", rule)} ${rules.at("rule_id", rule)}` },
    ],
    weight: weight(violations),
    columns: [
      { key: "deal", title: ["Deal, stage", "商机、阶段"], grow: 3, cell: (row) => dealCell(dealOf(row), violations.at("stage", row)), rank: (row) => dealRank(dealOf(row)) },
      { key: "rule", title: ["Expected", "要求"], grow: 3, cell: expectedCell, rank: ruleOf },
      { key: "found", title: ["Found", "实际情况"], grow: 2, cell: (row) => el("div", { class: "clamp" }, foundCell(row)) },
      { key: "stage", title: ["Stage now", "当前阶段"], rank: (row) => violations.at("stage", row) ?? -1 },
      { key: "owner", title: ["Owner, team", "负责人、团队"], width: 144, cell: (row) => people(violations, row), rank: textRank(codes.owner) },
      { key: "amount", title: [`At risk, ${data.currency}`, `风险金额 ${data.currency}`], width: 132, isEnd: true, cell: (row) => amountCell(dealOf(row)), rank: (row) => amountRank(dealOf(row)) },
      { key: "nights", title: ["Open for", "已持续"], width: 108, isEnd: true, cell: (row) => el("div", { class: "two-lines" }, el("div", {}, nights(violations.at("nights_open", row))), el("div", { class: "small soft" }, isCarried(row) ? datum(violations.at("first_seen", row)) : statusMark(row))), rank: (row) => violations.at("nights_open", row) },
    ],
    order: ["Most urgent first", "最紧急的在前"],
    ranked: [
      { key: "amount", title: ["Amount", "金额"], isDescending: true },
      { key: "nights", title: ["Nights open", "未解决晚数"], isDescending: true },
      { key: "deal", title: ["Deal", "商机"] },
      { key: "owner", title: ["Owner", "负责人"] },
      { key: "stage", title: ["Stage", "阶段"] },
      { key: "rule", title: ["Rule", "规则"] },
    ],
    card: (row) =>
      el(
        "div",
        { class: "row-card" },
        el("div", { class: "row-card-line" }, el("span", { class: "clip deal-name" }, datum(deals.at("deal_name", dealOf(row)))), el("span", { class: "n" }, money(deals.at("amount", dealOf(row))))),
        el("div", { class: "clamp" }, expectedCell(row)),
        el("div", { class: "small soft clip" }, pair(violations, "found", row), " · ", datum(violations.at("owner", row)), " · ", nights(violations.at("nights_open", row))),
      ),
    details: violationDetails,
    idOf: (row) => violations.at("violation_id", row),
    files: [
      { title: ["Violation", "违规编号"], kind: "text", width: 18, value: (row) => violations.at("violation_id", row) },
      { title: ["Status", "状态"], kind: "text", width: 16, value: (row) => named(data.names.statuses, violations.at("status", row)) },
      { title: ["Severity", "级别"], kind: "text", width: 12, value: (row) => (violations.at("severity", row) === "block" ? say("Blocking", "阻断") : say("Warning", "提醒")) },
      ...dealFiles(violations),
      { title: ["Rule", "规则"], kind: "text", value: (row) => rules.at("rule_id", ruleOf(row)) },
      { title: ["Expected", "要求"], kind: "text", width: 48, value: (row) => worded(rules, "expected", ruleOf(row)) },
      { title: ["Found", "实际情况"], kind: "text", width: 32, value: (row) => worded(violations, "found", row) },
      { title: ["What to do", "怎么办"], kind: "text", width: 48, value: (row) => worded(rules, "advice", ruleOf(row)) },
      { title: ["Claimed stage", "声称到达的阶段"], kind: "text", value: (row) => worded(violations, "claimed", row) },
      { title: ["First seen", "首次发现"], kind: "date", value: (row) => violations.at("first_seen", row) },
      { title: ["Last found", "最近发现"], kind: "date", value: (row) => violations.at("last_seen", row) },
      { title: ["Nights open", "未解决晚数"], kind: "number", value: (row) => violations.at("nights_open", row) },
      { title: ["From the backlog", "来自历史存量"], kind: "text", width: 12, value: (row) => (violations.at("is_backlog", row) ? say("yes", "是") : say("no", "否")) },
      { title: ["Closed on", "关闭日期"], kind: "date", value: (row) => violations.at("closed_on", row) },
      { title: ["Waived by", "豁免批准人"], kind: "text", value: (row) => violations.at("waived_by", row) },
      { title: ["Waived because", "豁免原因"], kind: "text", width: 32, value: (row) => violations.at("waived_why", row) },
      { title: ["Waived until", "豁免有效期至"], kind: "date", value: (row) => violations.at("waived_until", row) },
    ],
    printed: [
      { title: ["Deal", "商机"], cell: (row) => el("div", {}, el("strong", {}, datum(deals.at("deal_name", dealOf(row)))), el("div", { class: "small soft" }, datum(deals.at("deal_id", dealOf(row))))) },
      { title: ["Expected", "要求"], cell: (row) => el("div", {}, severityMark(violations.at("severity", row)), " ", pair(rules, "expected", ruleOf(row))) },
      { title: ["Found", "实际情况"], cell: (row) => el("div", {}, foundCell(row), waiver(row)) },
      { title: ["What to do", "怎么办"], cell: (row) => el("div", {}, pair(rules, "advice", ruleOf(row))) },
      { title: ["Stage now", "当前阶段"], cell: (row) => el("div", {}, stageName(violations.at("stage", row))) },
      { title: ["Owner, team", "负责人、团队"], cell: (row) => people(violations, row) },
      { title: ["Since", "自"], cell: (row) => el("div", { class: "date" }, datum(violations.at("first_seen", row)), el("div", { class: "small" }, statusMark(row))) },
      { title: [`At risk, ${data.currency}`, `风险金额 ${data.currency}`], isEnd: true, cell: (row) => amountCell(dealOf(row)) },
    ],
    empty: ["No violation is open, waived or was closed tonight.", "没有未解决、已豁免或今晚关闭的违规。"],
  });

  // Stalled deals

  const stalled = tables.stalled;
  const reasons = tables.stall_reasons;
  const reasonsOf = new Map();
  for (let each = 0; each < reasons.rows; each += 1) {
    const of = reasons.at("stalled", each);
    if (!reasonsOf.has(of)) reasonsOf.set(of, []);
    reasonsOf.get(of).push(each);
  }
  const stalledDeal = (row) => stalled.at("deal", row);
  const stallCodes = Object.fromEntries(["owner", "team", "recommendation", "reason_en"].map((name) => [name, coded(stalled, name)]));
  const reasonZh = new Map();
  for (let row = 0; row < stalled.rows; row += 1) reasonZh.set(stalled.at("reason_en", row), stalled.at("reason_zh", row));
  const reasonCell = (row) => (stalled.at("reason_en", row) === null ? el("span", { class: "soft" }, say("No reason shows in the records", "记录中看不出原因")) : el("span", {}, pair(stalled, "reason", row)));
  const actionText = (row) => (stalled.at("action_en", row) === null ? say("Ask the owner what the deal is waiting for, and record it.", "询问负责人商机在等什么，并记录下来。") : worded(stalled, "action", row));
  const recommendationMark = (row) => el("span", { class: `status ${stalled.at("recommendation", row)}` }, named(data.names.recommendations, stalled.at("recommendation", row)));
  const silence = (row) => {
    if (stalled.at("is_silent", row) === null) return say("not known", "未知");
    return inDays(stalled.at("silent_days", row));
  };
  const attempts = (row) => {
    const [tried, answered] = [stalled.at("attempts", row), stalled.at("responses", row)];
    return say(`${number(tried)} ${tried === 1 ? "attempt" : "attempts"}, ${number(answered)} answered`, `尝试 ${number(tried)} 次，回应 ${number(answered)} 次`);
  };
  const stalledDetails = (row) => {
    const deal = stalledDeal(row);
    return [
      datum(deals.at("deal_name", deal)),
      el("p", { class: "tags" }, recommendationMark(row), stalled.at("is_over_cap", row) ? el("span", { class: "status" }, say("Over the cap", "超过上限")) : null),
      recordLink(deal, true),
      part(say("What to do first", "首先做什么"), el("p", {}, actionText(row))),
      part(
        say("Why it stalls", "停滞原因"),
        reasonsOf.has(row)
          ? el(
              "ol",
              { class: "reasons" },
              ...reasonsOf.get(row).map((each) =>
                el(
                  "li",
                  {},
                  el("p", {}, pair(reasons, "wording", each), reasons.at("size_en", each) === null ? null : el("span", { class: "soft" }, say(" (", "（"), pair(reasons, "size", each), say(")", "）"))),
                  el("p", { class: "small" }, el("span", { class: "soft" }, say("Then: ", "应对：")), pair(reasons, "action", each)),
                  reasons.at("records", each) === null ? null : el("p", { class: "small soft" }, say("Records: ", "记录："), datum(reasons.at("records", each))),
                ),
              ),
            )
          : el("p", {}, reasonCell(row)),
        stalled.at("untold_en", row) === null ? null : el("p", { class: "small soft" }, say("The CRM's records cannot tell whether: ", "CRM 的记录无法说明："), pair(stalled, "untold", row)),
      ),
      part(
        say("How far attempts have come", "激活进展"),
        facts(
          fact(say("Attempts since", "此后尝试"), number(stalled.at("attempts", row))),
          fact(say("The last", "最近一次"), datum(stalled.at("last_attempt_on", row))),
          fact(say("Answered", "客户回应"), number(stalled.at("responses", row))),
          fact(say("The last", "最近一次"), datum(stalled.at("last_response_on", row))),
        ),
      ),
      part(say("The deal", "商机"), facts(...dealFacts(deal, stalled, row))),
      part(
        say("Since when", "时间"),
        facts(
          fact(say("In the stage for", "阶段停留"), inDays(stalled.at("dwell_days", row))),
          fact(say("Slow after", "视为缓慢"), inDays(stalled.at("slow_after_days", row))),
          fact(say("Cap of the stage", "阶段上限"), inDays(stalled.at("cap_days", row))),
          fact(say("Silent for", "客户沉默"), silence(row)),
          fact(say("Last sign of the customer", "客户最近动作"), datum(stalled.at("last_customer_event_on", row))),
          fact(say("Stalled since", "停滞开始"), datum(stalled.at("stall_began_on", row))),
        ),
      ),
    ];
  };
  explorer.make(document.getElementById("stalled-explorer"), {
    name: "stalled",
    rows: stalled.rows,
    views: [{ key: "all", label: ["All", "全部"], has: () => true }],
    facets: [
      nameFacet("recommendation", ["Recommendation", "建议"], stallCodes.recommendation, data.names.recommendations, "weight"),
      {
        key: "reason",
        title: ["Leading reason", "首要原因"],
        size: stallCodes.reason_en.texts.length,
        code: stallCodes.reason_en.code,
        keyOf: (at) => (at < 0 ? "" : stallCodes.reason_en.texts[at]),
        label: (at) => el("span", {}, at < 0 ? say("none known", "未知") : wording(stallCodes.reason_en.texts[at], reasonZh.get(stallCodes.reason_en.texts[at]))),
        order: "weight",
      },
      stageFacet(stalled),
      textFacet("owner", ["Owner", "负责人"], stallCodes.owner),
      textFacet("team", ["Team", "团队"], stallCodes.team),
    ],
    searched: [
      ...searchedDeals(stalled),
      searched(stallCodes.owner),
      searched(stallCodes.team),
      { size: stallCodes.reason_en.texts.length, code: stallCodes.reason_en.code, text: (at) => `${stallCodes.reason_en.texts[at]} ${reasonZh.get(stallCodes.reason_en.texts[at])}` },
    ],
    weight: weight(stalled),
    columns: [
      { key: "deal", title: ["Deal, stage", "商机、阶段"], grow: 3, cell: (row) => dealCell(stalledDeal(row), stalled.at("stage", row)), rank: (row) => dealRank(stalledDeal(row)) },
      { key: "reason", title: ["Leading reason", "首要原因"], grow: 2, cell: (row) => el("div", { class: "clamp" }, reasonCell(row)), rank: textRank(stallCodes.reason_en) },
      { key: "action", title: ["What to do first", "首先做什么"], grow: 3, cell: (row) => el("div", { class: "clamp" }, actionText(row)) },
      { key: "stage", title: ["Stage now", "当前阶段"], rank: (row) => stalled.at("stage", row) ?? -1 },
      { key: "owner", title: ["Owner, team", "负责人、团队"], width: 144, cell: (row) => people(stalled, row), rank: textRank(stallCodes.owner) },
      { key: "amount", title: [`At risk, ${data.currency}`, `风险金额 ${data.currency}`], width: 132, isEnd: true, cell: (row) => amountCell(stalledDeal(row)), rank: (row) => amountRank(stalledDeal(row)) },
      { key: "days", title: ["Stalled for", "停滞时长"], width: 104, isEnd: true, cell: (row) => el("div", { class: "two-lines" }, el("div", {}, inDays(stalled.at("stalled_days", row))), el("div", { class: "small" }, recommendationMark(row))), rank: (row) => stalled.at("stalled_days", row) },
    ],
    order: ["Largest first", "金额最大的在前"],
    ranked: [
      { key: "amount", title: ["Amount", "金额"], isDescending: true },
      { key: "days", title: ["Days stalled", "停滞天数"], isDescending: true },
      { key: "deal", title: ["Deal", "商机"] },
      { key: "owner", title: ["Owner", "负责人"] },
      { key: "stage", title: ["Stage", "阶段"] },
      { key: "reason", title: ["Reason", "原因"] },
    ],
    card: (row) =>
      el(
        "div",
        { class: "row-card" },
        el("div", { class: "row-card-line" }, el("span", { class: "clip deal-name" }, datum(deals.at("deal_name", stalledDeal(row)))), el("span", { class: "n" }, money(deals.at("amount", stalledDeal(row))))),
        el("div", { class: "clamp" }, reasonCell(row)),
        el("div", { class: "small soft clip" }, named(data.names.recommendations, stalled.at("recommendation", row)), " · ", datum(stalled.at("owner", row)), " · ", inDays(stalled.at("stalled_days", row))),
      ),
    details: stalledDetails,
    idOf: (row) => deals.at("deal_id", stalledDeal(row)),
    files: [
      ...dealFiles(stalled),
      { title: ["Recommendation", "建议"], kind: "text", width: 16, value: (row) => named(data.names.recommendations, stalled.at("recommendation", row)) },
      { title: ["Leading reason", "首要原因"], kind: "text", width: 40, value: (row) => worded(stalled, "reason", row) },
      { title: ["What to do first", "首先做什么"], kind: "text", width: 48, value: actionText },
      { title: ["All reasons", "全部原因"], kind: "text", width: 48, value: (row) => (reasonsOf.get(row) ?? []).map((each) => worded(reasons, "wording", each)).join(" ") },
      { title: ["Days in stage", "阶段停留天数"], kind: "number", value: (row) => stalled.at("dwell_days", row) },
      { title: ["Slow after days", "视为缓慢天数"], kind: "number", value: (row) => stalled.at("slow_after_days", row) },
      { title: ["Silent days", "客户沉默天数"], kind: "number", value: (row) => (stalled.at("is_silent", row) === null ? null : stalled.at("silent_days", row)) },
      { title: ["Stalled since", "停滞开始"], kind: "date", value: (row) => stalled.at("stall_began_on", row) },
      { title: ["Days stalled", "停滞天数"], kind: "number", value: (row) => stalled.at("stalled_days", row) },
      { title: ["Attempts", "尝试次数"], kind: "number", value: (row) => stalled.at("attempts", row) },
      { title: ["Last attempt", "最近尝试"], kind: "date", value: (row) => stalled.at("last_attempt_on", row) },
      { title: ["Answers", "回应次数"], kind: "number", value: (row) => stalled.at("responses", row) },
      { title: ["Last answer", "最近回应"], kind: "date", value: (row) => stalled.at("last_response_on", row) },
    ],
    printed: [
      { title: ["Deal", "商机"], cell: (row) => el("div", {}, el("strong", {}, datum(deals.at("deal_name", stalledDeal(row)))), el("div", { class: "small soft" }, datum(deals.at("deal_id", stalledDeal(row))))) },
      { title: ["Why", "原因"], cell: (row) => (reasonsOf.has(row) ? el("div", {}, ...reasonsOf.get(row).map((each) => el("div", {}, pair(reasons, "wording", each)))) : reasonCell(row)) },
      { title: ["What to do first", "首先做什么"], cell: (row) => el("div", {}, actionText(row)) },
      { title: ["So far", "进展"], cell: (row) => el("div", {}, recommendationMark(row), el("div", { class: "small" }, attempts(row))) },
      { title: ["Stage now", "当前阶段"], cell: (row) => el("div", {}, stageName(stalled.at("stage", row)), el("div", { class: "small soft" }, inDays(stalled.at("dwell_days", row)))) },
      { title: ["Owner, team", "负责人、团队"], cell: (row) => people(stalled, row) },
      { title: [`At risk, ${data.currency}`, `风险金额 ${data.currency}`], isEnd: true, cell: (row) => amountCell(stalledDeal(row)) },
    ],
    empty: ["No deal is stalled.", "没有停滞的商机。"],
  });

  // Refused records

  const refused = tables.refused;
  const refusedCodes = Object.fromEntries(["crm", "object", "file", "column", "reason"].map((name) => [name, coded(refused, name)]));
  const reasonNames = {};
  for (let row = 0; row < refused.rows; row += 1) reasonNames[refused.at("reason", row)] = [refused.at("reason_en", row), refused.at("reason_zh", row)];
  const where = (row) => {
    const line = refused.at("line", row);
    const record = number(refused.at("record", row));
    return line === null ? say(`record ${record}`, `第 ${record} 条`) : say(`record ${record}, line ${number(line)}`, `第 ${record} 条，第 ${number(line)} 行`);
  };
  const fileCell = (row) => el("div", { class: "two-lines" }, el("div", { class: "clip" }, datum(refused.at("file", row))), el("div", { class: "small soft" }, where(row)));
  const release = (row) => worded(refused, "release", row);
  explorer.make(document.getElementById("refused-explorer"), {
    name: "quarantine",
    rows: refused.rows,
    views: [
      { key: "new", label: ["Since last night", "昨晚以来"], has: (row) => refused.at("is_new", row) === 1 },
      { key: "all", label: ["All that stand", "全部未放行"], has: () => true },
    ],
    facets: [
      nameFacet("reason", ["Reason", "原因"], refusedCodes.reason, reasonNames, "weight"),
      textFacet("crm", ["CRM", "CRM"], refusedCodes.crm),
      textFacet("object", ["Object", "对象"], refusedCodes.object),
      textFacet("column", ["Column", "列"], refusedCodes.column),
      textFacet("file", ["File", "文件"], refusedCodes.file),
    ],
    searched: [
      ...["crm", "object", "file", "column"].map((name) => searched(refusedCodes[name])),
      { size: refused.rows, code: (row) => row, text: (row) => `${refused.at("value", row) ?? ""} ${refused.at("raw_text", row) ?? ""} ${refused.at("reason_en", row)} ${refused.at("reason_zh", row)}` },
    ],
    weight: null,
    columns: [
      { key: "file", title: ["File and place", "文件与位置"], grow: 2, cell: fileCell, rank: textRank(refusedCodes.file) },
      { key: "column", title: ["Column", "列"], width: 150, cell: (row) => el("div", { class: "clip" }, datum(refused.at("column", row))), rank: textRank(refusedCodes.column) },
      { key: "reason", title: ["Reason", "原因"], grow: 1, cell: (row) => el("div", { class: "clamp" }, pair(refused, "reason", row)), rank: textRank(refusedCodes.reason) },
      { key: "value", title: ["What stands there", "原值"], width: 170, cell: (row) => el("div", { class: "clamp" }, datum(refused.at("value", row))) },
      { key: "release", title: ["How to release", "如何放行"], grow: 3, cell: (row) => el("div", { class: "clamp small" }, release(row)) },
    ],
    order: ["Newest first", "最新的在前"],
    ranked: [
      { key: "file", title: ["File", "文件"] },
      { key: "reason", title: ["Reason", "原因"] },
      { key: "column", title: ["Column", "列"] },
    ],
    card: (row) =>
      el(
        "div",
        { class: "row-card" },
        el("div", { class: "clamp deal-name" }, pair(refused, "reason", row)),
        el("div", { class: "clip" }, datum(refused.at("column", row)), ": ", datum(refused.at("value", row))),
        el("div", { class: "small soft clip" }, datum(refused.at("file", row)), " · ", where(row)),
      ),
    details: (row) => [
      pair(refused, "reason", row),
      part(say("How to release", "如何放行"), el("p", {}, release(row))),
      part(
        say("Where", "位置"),
        facts(
          fact(say("File", "文件"), datum(refused.at("file", row))),
          fact(say("Extracted at", "提取时间"), datum(refused.at("extracted_at", row))),
          fact("CRM", datum(refused.at("crm", row))),
          fact(say("Object", "对象"), datum(refused.at("object", row))),
          fact(say("Record", "记录"), number(refused.at("record", row))),
          fact(say("Line", "行"), number(refused.at("line", row))),
          fact(say("Column", "列"), datum(refused.at("column", row))),
          fact(say("What stands there", "原值"), datum(refused.at("value", row))),
        ),
      ),
      part(say("The record, personal data masked", "记录原文（个人数据已遮蔽）"), el("pre", { translate: "no", dir: "auto", tabindex: "0" }, refused.at("raw_text", row) ?? stageproof.NOT_KNOWN)),
    ],
    idOf: (row) => `${refused.at("file", row)}:${refused.at("record", row)}:${refused.at("column", row) ?? ""}`,
    files: [
      { title: ["CRM", "CRM"], kind: "text", width: 12, value: (row) => refused.at("crm", row) },
      { title: ["Object", "对象"], kind: "text", value: (row) => refused.at("object", row) },
      { title: ["File", "文件"], kind: "text", width: 40, value: (row) => refused.at("file", row) },
      { title: ["Extracted at", "提取时间"], kind: "text", value: (row) => refused.at("extracted_at", row) },
      { title: ["Record", "记录"], kind: "number", value: (row) => refused.at("record", row) },
      { title: ["Line", "行"], kind: "number", value: (row) => refused.at("line", row) },
      { title: ["Column", "列"], kind: "text", value: (row) => refused.at("column", row) },
      { title: ["Reason", "原因"], kind: "text", width: 32, value: (row) => worded(refused, "reason", row) },
      { title: ["What stands there", "原值"], kind: "text", value: (row) => refused.at("value", row) },
      { title: ["How to release", "如何放行"], kind: "text", width: 48, value: release },
      { title: ["The record", "记录原文"], kind: "text", width: 48, value: (row) => refused.at("raw_text", row) },
    ],
    printed: [
      { title: ["File and place", "文件与位置"], cell: fileCell },
      { title: ["Column", "列"], cell: (row) => datum(refused.at("column", row)) },
      { title: ["Reason", "原因"], cell: (row) => el("div", {}, pair(refused, "reason", row)) },
      { title: ["What stands there", "原值"], cell: (row) => datum(refused.at("value", row)) },
      { title: ["How to release", "如何放行"], cell: (row) => el("div", {}, release(row)) },
    ],
    empty: ["The quarantine is empty: every record that came in is loaded.", "隔离区为空：收到的记录均已载入。"],
  });

  // Charts of the head

  const { trend } = tables;
  const all = Array.from({ length: trend.rows }, (_, night) => night);
  const of = (name) => all.map((night) => trend.at(name, night));
  const categories = all.map((night) => trend.at("business_date", night));
  const units = (cents) => (cents === null ? null : Number(cents) / 100);
  const cards = {
    opened: {
      label: ["New and closed violations each night", "每晚新增与关闭的违规"],
      format: "number",
      series: [
        { kind: "bar", name: ["New", "新增"], values: of("opened"), colour: "--block" },
        { kind: "bar", name: ["Closed", "关闭"], values: of("closed"), colour: "--good" },
      ],
    },
    amount: {
      label: [`Amount at risk each night, ${data.currency}`, `每晚风险金额，${data.currency}`],
      format: "money",
      series: [{ kind: "line", name: ["At risk", "风险金额"], values: of("amount").map(units), colour: "--link" }],
    },
    open: {
      label: ["Open violations each night, blocking ones and warnings", "每晚未解决的违规：阻断与提醒"],
      format: "number",
      series: [
        { kind: "bar", name: ["Blocking", "阻断"], values: of("open_block"), colour: "--block", stack: "open" },
        { kind: "bar", name: ["Warnings", "提醒"], values: of("open_warn"), colour: "--amber", stack: "open" },
      ],
    },
  };
  for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
    charts.draw(canvas, { ...cards[canvas.dataset.chart], categories, isSmall: true });
  }

  // Shortcuts from elsewhere on the page into the list of violations

  const hasNew = all.length > 0 && violations.rows > 0 && Array.from({ length: violations.rows }, (_, row) => row).some((row) => violations.at("is_new", row) === 1);
  for (const button of document.querySelectorAll("button[data-owner]")) {
    button.addEventListener("click", () => violationList.only("owner", button.dataset.owner, hasNew ? "new" : "open"));
  }
  for (const button of document.querySelectorAll("button[data-rule]")) {
    button.addEventListener("click", () => violationList.only("rule", button.dataset.rule, "open"));
  }

  stageproof.start();
})();
