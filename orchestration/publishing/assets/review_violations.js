/* The list of violations: open, waived, and closed tonight. */
"use strict";
(() => {
  const { data, el, datum, say, money, explorer } = stageproof;
  const {
    amountCell, amountRank, coded, dealCell, dealFacts, dealFiles, dealRank, deals, fact, facts, nameFacet, named,
    nights, pair, part, people, recordLink, rules, searched, searchedDeals, severityMark, stageFacet, stageName,
    tables, textFacet, textRank, weight, worded,
  } = stageproof.review;

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
  stageproof.review.violationList = explorer.make(document.getElementById("violations-explorer"), {
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
})();
