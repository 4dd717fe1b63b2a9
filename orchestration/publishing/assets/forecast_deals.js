/* The list of open deals: their chance in all and month by month, when, how much, on what proof, and why. */
"use strict";
(() => {
  const { data, el, datum, say, money, number, explorer } = stageproof;
  const {
    coded, dealCell, dealFiles, dealRank, deals, fact, facts, nameFacet, named, part: section, people, recordLink, searched,
    searchedDeals, stageFacet, stageName, tables, textFacet, textRank, amountRank,
  } = stageproof.review;
  const { view, onView, percent, chance } = stageproof.views;

  const { expected, reasons } = tables;
  const at = (name, row) => expected.at(name, row);
  const dealOf = (row) => at("deal", row);
  const places = [...data.months.map((label, place) => ({ key: String(place), label: () => label })), { key: "rest", label: () => say("Later, or in no period", "更晚或不在期间内") }];
  const reasonsOf = new Map();
  for (let each = 0; each < reasons.rows; each += 1) {
    const of = reasons.at("expected", each);
    if (!reasonsOf.has(of)) reasonsOf.set(of, []);
    reasonsOf.get(of).push(each);
  }
  const spoken = (name, each) => reasons.at(`${name}_${stageproof.language()}`, each);
  const reasonText = (each) => spoken("wording", each);
  const codes = Object.fromEntries(["owner", "team", "criteria_state", "place", "amount_exclusion"].map((name) => [name, coded(expected, name)]));
  const placeNames = { ...data.names.outside };
  const stateMark = (row) => {
    const state = at("criteria_state", row);
    return state === null ? el("span", { class: "soft" }, stageproof.NOT_KNOWN) : el("span", { class: `status ${state}` }, named(data.names.states, state));
  };
  const meter = (share) => {
    const fill = el("span");
    fill.style.inlineSize = `${Math.round(100 * (share ?? 0))}%`;
    return el("span", { class: "meter", "aria-hidden": "true" }, fill);
  };
  const chanceCell = (row) => el("div", { class: "two-lines" }, el("div", {}, el("span", { class: "chance" }, el("strong", {}, chance(at("win_rate", row))), meter(at("win_rate", row)))), el("div", { class: "small soft" }, data.quarters[0] === null ? "" : say(`${data.quarters[0]} ${chance(at("running_chance", row))}`, `${data.quarters[0]} ${chance(at("running_chance", row))}`)));
  const gapText = (row) => {
    const days = at("close_gap_days", row);
    if (days === null || days === 0) return "";
    return days > 0 ? say(`${number(days)} days later`, `晚 ${number(days)} 天`) : say(`${number(-days)} days earlier`, `早 ${number(-days)} 天`);
  };
  const isOverdue = (row) => deals.at("close_date", dealOf(row)) !== null && deals.at("close_date", dealOf(row)) <= data.night;
  const dateCell = (row) =>
    el(
      "div",
      { class: "two-lines" },
      el("div", { class: "date" }, datum(at("expected_win_on", row)), gapText(row) ? el("span", { class: "small soft" }, ` ${gapText(row)}`) : ""),
      el("div", { class: "small soft" }, say("CRM: ", "CRM："), datum(deals.at("close_date", dealOf(row))), isOverdue(row) ? el("span", { class: "warn" }, say(" gone by", " 已过期")) : ""),
    );
  const leading = (row) => {
    const own = reasonsOf.get(row);
    if (!own) return el("span", { class: "soft" }, stageproof.NOT_KNOWN);
    const more = own.length > 1 ? el("span", { class: "soft" }, ` +${number(own.length - 1)}`) : "";
    return el("div", { class: `small clamp ${reasons.at("raises", own[0]) ? "raises" : "lowers"}`, title: reasonText(own[0]) }, reasonText(own[0]), say(", ", "，"), spoken("points", own[0]), more);
  };
  /* Where the reasons are not those of the method shown, whose they are. */
  const teller = (row) => {
    const key = reasons.at("teller", reasonsOf.get(row)[0]);
    if (key === data.methods[at("method", row)]) return "";
    return say(`As another method sees it: ${named(data.names.methods, key)}. `, `依据另一方法：${named(data.names.methods, key)}。`);
  };
  const hasReasons = reasons.rows > 0;
  const basis = (row) => {
    if (at("amount_exclusion", row) !== null) return named(data.names.exclusions, at("amount_exclusion", row));
    if (at("amount_basis", row) === "mean_won") return say("No amount: mean won", "无金额，按均值计");
    return null;
  };
  const expectedCell = (row) =>
    el("div", { class: "two-lines" }, el("div", {}, el("strong", {}, money(at("expected_amount", row)))), el("div", { class: "small soft" }, basis(row) === null ? el("span", {}, say("of ", "全额 "), money(deals.at("amount", dealOf(row)))) : el("span", { class: "warn" }, basis(row))));

  const rankOf = (column) => {
    const rows = Array.from({ length: expected.rows }, (_, row) => row).filter((row) => at(column, row) !== null);
    rows.sort((one, other) => (at(column, one) < at(column, other) ? -1 : at(column, one) > at(column, other) ? 1 : 0));
    const rank = new Int32Array(expected.rows).fill(-1);
    for (const [place, row] of rows.entries()) rank[row] = place && at(column, rows[place - 1]) === at(column, row) ? rank[rows[place - 1]] : place;
    return (row) => rank[row];
  };

  const details = (row) => {
    const deal = dealOf(row);
    const most = Math.max(0.0001, ...places.map(({ key }) => at(`chance_${key}`, row) ?? 0));
    return [
      datum(deals.at("deal_name", deal)),
      el("p", { class: "tags" }, stateMark(row)),
      recordLink(deal, true),
      section(
        say("What is expected", "期望"),
        facts(
          fact(say("Chance to be won", "赢单概率"), el("strong", {}, chance(at("win_rate", row)))),
          fact(say("Rests on", "依据"), at("rate_n", row) === null ? null : say(`${number(at("rate_n", row))} completed visits`, `${number(at("rate_n", row))} 次已结束的停留`)),
          fact(say("Expected close", "预计成交"), el("span", {}, datum(at("expected_win_on", row)), gapText(row) ? el("span", { class: "soft" }, ` (${gapText(row)})`) : "")),
          fact(say("The CRM says", "CRM 日期"), el("span", {}, datum(deals.at("close_date", deal)), isOverdue(row) ? el("span", { class: "warn" }, say(" gone by", " 已过期")) : "")),
          fact(say("Amount", "金额"), el("span", {}, money(deals.at("amount", deal)), " ", el("span", { translate: "no" }, data.currency))),
          fact(say("Won per amount", "实现率"), at("realisation", row) === null ? null : percent(at("realisation", row))),
          fact(say("Expected amount", "期望金额"), el("strong", {}, money(at("expected_amount", row)))),
          fact(say("How it is valued", "估值方式"), basis(row)),
          fact(say("By", "方法"), named(data.names.methods, at("fell_back_to", row) ?? data.methods[at("method", row)])),
          at("is_insufficient_history", row) ? fact(say("History", "历史"), el("span", { class: "warn" }, say("too short to be sure", "太短，把握不大"))) : [],
        ),
      ),
      reasonsOf.has(row)
        ? section(
            say("What moves its chance", "哪些因素影响概率"),
            el("ul", { class: "reasons" }, ...reasonsOf.get(row).map((each) => el("li", { class: reasons.at("raises", each) ? "raises" : "lowers" }, reasonText(each), el("span", { class: "soft" }, say(": ", "："), spoken("points", each))))),
            el("p", { class: "small soft" }, teller(row), say("Points of different reasons do not add up.", "不同原因的百分点不可相加。")),
          )
        : null,
      section(
        say("Month by month", "逐月"),
        el(
          "table",
          { class: "by-month" },
          el("caption", { class: "unseen" }, say("Chance and expected amount by month", "逐月概率与期望金额")),
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, say("Month", "月份")), el("th", { scope: "col", class: "n" }, say("Chance", "概率")), el("th", { scope: "col" }, el("span", { class: "unseen" }, say("As a bar", "条形"))), el("th", { scope: "col", class: "n" }, say("Expected", "期望金额")))),
          el(
            "tbody",
            {},
            ...places.map(({ key, label }) =>
              el("tr", {}, el("th", { scope: "row" }, label()), el("td", { class: "n" }, chance(at(`chance_${key}`, row))), el("td", {}, meter((at(`chance_${key}`, row) ?? 0) / most)), el("td", { class: "n" }, money(at(`amount_${key}`, row)))),
            ),
          ),
        ),
      ),
      section(
        say("The deal", "商机"),
        facts(
          fact(say("Deal", "商机"), el("span", {}, datum(deals.at("deal_name", deal)), " ", el("span", { class: "soft" }, datum(deals.at("deal_id", deal))))),
          fact(say("Stage now", "当前阶段"), at("stage", row) === null ? null : stageName(at("stage", row))),
          fact(say("Owner", "负责人"), datum(at("owner", row))),
          fact(say("Team", "团队"), datum(at("team", row))),
          fact(say("Its violations", "违规"), el("a", { href: `review.html#review?view=open&q=${encodeURIComponent(deals.at("deal_id", deal))}` }, say("in the morning review", "见晨间检查"))),
        ),
      ),
    ];
  };

  const list = explorer.make(document.getElementById("deals-explorer"), {
    name: "deals",
    rows: expected.rows,
    within: (row) => at("method", row) === data.views[view()].method && (view() === 0 || at("funnel_view", row) === view()),
    views: [{ key: "all", label: ["All", "全部"], has: () => true }],
    facets: [
      nameFacet("place", ["Expected to close", "预计成交"], codes.place, placeNames, "weight"),
      nameFacet("criteria_state", ["Proof", "证据"], codes.criteria_state, data.names.states, "weight"),
      stageFacet(expected),
      textFacet("owner", ["Owner", "负责人"], codes.owner),
      textFacet("team", ["Team", "团队"], codes.team),
      nameFacet("amount_exclusion", ["No figure because", "无法估值的原因"], codes.amount_exclusion, data.names.exclusions, "given"),
    ],
    searched: [...searchedDeals(expected), searched(codes.owner), searched(codes.team)],
    weight: { of: (row) => row, amount: (row) => at("expected_amount", row), word: [["deal", "deals"], "个商机"], what: ["expected", "（期望金额）"] },
    columns: [
      { key: "deal", title: ["Deal, stage", "商机、阶段"], grow: 4, cell: (row) => dealCell(dealOf(row), at("stage", row)), rank: (row) => dealRank(dealOf(row)) },
      { key: "chance", title: ["Chance to be won", "赢单概率"], width: 128, isEnd: true, cell: chanceCell, rank: rankOf("win_rate") },
      { key: "date", title: ["Expected close, CRM's date", "预计成交、CRM 日期"], width: 184, cell: dateCell, rank: rankOf("expected_win_on") },
      ...(hasReasons ? [{ key: "reason", title: ["Why", "原因"], grow: 3, cell: leading }] : []),
      { key: "proof", title: ["Proof", "证据"], width: 128, cell: stateMark, rank: textRank(codes.criteria_state) },
      { key: "owner", title: ["Owner, team", "负责人、团队"], width: 120, cell: (row) => people(expected, row), rank: textRank(codes.owner) },
      { key: "amount", title: ["Amount", "金额"], rank: (row) => amountRank(dealOf(row)) },
      { key: "gap", title: ["Later than the CRM says", "比 CRM 日期晚"], rank: rankOf("close_gap_days") },
      { key: "running", title: ["Chance in the running quarter", "本季度概率"], rank: rankOf("running_chance") },
      { key: "expected", title: [`Expected, ${data.currency}`, `期望 ${data.currency}`], width: 132, isEnd: true, cell: expectedCell, rank: rankOf("expected_amount") },
    ],
    order: ["Largest expectation first", "期望金额最大的在前"],
    ranked: [
      { key: "expected", title: ["Expected amount", "期望金额"], isDescending: true },
      { key: "amount", title: ["Amount", "金额"], isDescending: true },
      { key: "chance", title: ["Chance to be won", "赢单概率"], isDescending: true },
      { key: "running", title: ["Chance in the running quarter", "本季度概率"], isDescending: true },
      { key: "date", title: ["Expected close", "预计成交"] },
      { key: "gap", title: ["Later than the CRM says", "比 CRM 日期晚"], isDescending: true },
      { key: "deal", title: ["Deal", "商机"] },
      { key: "owner", title: ["Owner", "负责人"] },
    ],
    card: (row) =>
      el(
        "div",
        { class: "row-card" },
        el("div", { class: "row-card-line" }, el("span", { class: "clip deal-name" }, datum(deals.at("deal_name", dealOf(row))), " ", recordLink(dealOf(row), false)), el("span", { class: "n" }, money(at("expected_amount", row)))),
        el("div", { class: "small" }, say("Chance ", "概率 "), chance(at("win_rate", row)), " · ", datum(at("expected_win_on", row)), " ", el("span", { class: "soft" }, gapText(row))),
        el("div", { class: "small soft clip" }, stateMark(row), " ", datum(at("owner", row)), say(" · of ", " · 全额 "), money(deals.at("amount", dealOf(row)))),
      ),
    details,
    idOf: (row) => deals.at("deal_id", dealOf(row)),
    files: [
      ...dealFiles(expected),
      { title: ["Chance to be won", "赢单概率"], kind: "number", value: (row) => at("win_rate", row) },
      { title: ["Expected close", "预计成交"], kind: "date", value: (row) => at("expected_win_on", row) },
      { title: ["CRM close date", "CRM 日期"], kind: "date", value: (row) => deals.at("close_date", dealOf(row)) },
      { title: ["Days later than the CRM says", "比 CRM 日期晚（天）"], kind: "number", value: (row) => at("close_gap_days", row) },
      { title: [`Expected amount, ${data.currency}`, `期望金额，${data.currency}`], kind: "money", value: (row) => at("expected_amount", row) },
      { title: ["No figure because", "无法估值的原因"], kind: "text", value: (row) => basis(row) },
      { title: ["Proof", "证据"], kind: "text", value: (row) => (at("criteria_state", row) === null ? null : named(data.names.states, at("criteria_state", row))) },
      { title: ["Method", "方法"], kind: "text", value: (row) => named(data.names.methods, at("fell_back_to", row) ?? data.methods[at("method", row)]) },
      ...(hasReasons ? [{ title: ["Reasons", "原因"], kind: "text", width: 48, value: (row) => (reasonsOf.get(row) ?? []).map((each) => `${reasonText(each)} (${spoken("points", each)})`).join("; ") }] : []),
      ...data.months.flatMap((label, place) => [
        { title: [`Chance ${label}`, `概率 ${label}`], kind: "number", value: (row) => at(`chance_${place}`, row) },
        { title: [`Expected ${label}, ${data.currency}`, `期望 ${label}，${data.currency}`], kind: "money", value: (row) => at(`amount_${place}`, row) },
      ]),
      { title: ["Chance later or in no period", "更晚或不在期间内的概率"], kind: "number", value: (row) => at("chance_rest", row) },
      { title: [`Expected later or in no period, ${data.currency}`, `更晚或不在期间内的期望，${data.currency}`], kind: "money", value: (row) => at("amount_rest", row) },
    ],
    printed: [
      { title: ["Deal", "商机"], cell: (row) => el("div", {}, el("strong", {}, datum(deals.at("deal_name", dealOf(row)))), el("div", { class: "small soft" }, datum(deals.at("deal_id", dealOf(row))))) },
      { title: ["Stage now", "当前阶段"], cell: (row) => el("div", {}, at("stage", row) === null ? stageproof.NOT_KNOWN : stageName(at("stage", row))) },
      { title: ["Chance", "概率"], isEnd: true, cell: (row) => el("div", {}, chance(at("win_rate", row))) },
      { title: ["Expected close, CRM's date", "预计成交、CRM 日期"], cell: dateCell },
      { title: ["Proof", "证据"], cell: stateMark },
      { title: ["Owner, team", "负责人、团队"], cell: (row) => people(expected, row) },
      { title: ["Amount", "金额"], isEnd: true, cell: (row) => el("div", {}, money(deals.at("amount", dealOf(row)))) },
      { title: [`Expected, ${data.currency}`, `期望 ${data.currency}`], isEnd: true, cell: expectedCell },
    ],
    empty: ["No deal is open.", "没有进行中的商机。"],
  });
  onView(list.recount);
})();
