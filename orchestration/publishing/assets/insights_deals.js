/* The list of deals behind named causes, with what was measured of each. */
"use strict";
(() => {
  const { data, el, datum, say, money, number, explorer } = stageproof;
  const { amountCell, amountRank, coded, dealCell, dealFiles, dealRank, deals, fact, facts, part: section, people, recordLink, searched, searchedDeals, stageName: currentStage, tables, textFacet, textRank, weight } = stageproof.review;
  const { view, onView, percent } = stageproof.views;
  const { days, stageName, stageText, causeName, comparisonName, reference, shareKey, inPoints, sharesOf } = stageproof.insights;
  const { behind, splits, shares } = tables;

  const at = (name, row) => behind.at(name, row);
  const splitOf = (row) => at("split", row);
  // One code for each share that has deals, in the order of the table.
  const keys = [];
  const codeOf = new Map();
  const firstOf = [];
  const code = new Int32Array(behind.rows);
  for (let row = 0; row < behind.rows; row += 1) {
    const key = shareKey(splitOf(row), at("cause", row));
    if (!codeOf.has(key)) {
      codeOf.set(key, keys.length);
      keys.push(key);
      firstOf.push(row);
    }
    code[row] = codeOf.get(key);
  }
  const shareOf = (row) => sharesOf.get(splitOf(row)).find((share) => shares.at("cause", share) === at("cause", row));
  const against = (row) => el("span", {}, datum(splits.at("focus", splitOf(row))), say(" against ", " 对 "), reference(splitOf(row)));
  const shareLabel = (row) => el("span", {}, causeName(at("cause", row)), el("span", { class: "soft" }, say(", ", "，"), stageName(splits.at("stage", splitOf(row))), say(", ", "，"), against(row)));
  const codes = Object.fromEntries(["owner", "team", "lead_source"].map((name) => [name, coded(behind, name)]));
  const classes = ["quality_class", "proof_class", "cadence_class", "pace_class"];
  const words = data.names.classes;
  const className = (name, row) => {
    const key = at(name, row);
    return key === null ? null : words[name]?.[key] ? say(...words[name][key]) : key;
  };
  /* What was measured of a deal that made it count behind its cause. */
  const measured = (row) => {
    const known = (name, told) => (at(name, row) === null ? null : told(at(name, row)));
    const own = (name) => className(name, row);
    const parts = {
      lead_quality: [own("quality_class"), known("icp_band", datum), known("lead_source", datum)],
      unproven_advancement: [own("proof_class"), at("has_loose_owner", row) ? say("owner looser than others", "负责人把关较松") : null, known("unproven_criteria", (count) => say(`${number(count)} unproven`, `${number(count)} 项未证实`))],
      follow_up: [own("cadence_class"), known("touches_per_week", (count) => say(`${days(count)} touches a week`, `每周接触 ${days(count)} 次`))],
      stalls_and_early_closes: [own("pace_class"), known("dwell_days", (count) => say(`${days(count)} days in the stage`, `阶段内 ${days(count)} 天`))],
    }[at("cause", row)];
    const told = (parts ?? []).filter((each) => each !== null);
    return el("span", {}, ...(told.length ? told.flatMap((each, place) => (place ? [" · ", each] : [each])) : [stageproof.NOT_KNOWN]));
  };
  const became = (row) => (at("is_advanced", row) === null ? stageproof.NOT_KNOWN : at("is_advanced", row) ? el("span", { class: "good" }, say("went on", "已推进")) : el("span", { class: "warn" }, say("did not", "未推进")));
  const rank = (column) => {
    const order = Array.from({ length: behind.rows }, (_, row) => row).filter((row) => at(column, row) !== null);
    order.sort((one, other) => (at(column, one) < at(column, other) ? -1 : at(column, one) > at(column, other) ? 1 : 0));
    const place = new Int32Array(behind.rows).fill(-1);
    for (const [number_, row] of order.entries()) place[row] = number_ && at(column, order[number_ - 1]) === at(column, row) ? place[order[number_ - 1]] : number_;
    return (row) => place[row];
  };
  const list = explorer.make(document.getElementById("deals-explorer"), {
    name: "deals",
    rows: behind.rows,
    within: (row) => splits.at("view", splitOf(row)) === view(),
    views: [{ key: "all", label: ["All", "全部"], has: () => true }],
    facets: [
      { key: "behind", title: ["Behind", "所属原因"], size: keys.length, code: (row) => code[row], keyOf: (each) => keys[each] ?? "", label: (each) => (each < 0 ? el("span", {}) : shareLabel(firstOf[each])), order: "given" },
      textFacet("owner", ["Owner", "负责人"], codes.owner),
      textFacet("team", ["Team", "团队"], codes.team),
      textFacet("lead_source", ["Lead source", "线索来源"], codes.lead_source),
    ],
    searched: [...searchedDeals(behind), searched(codes.owner), searched(codes.team)],
    weight: weight(behind),
    columns: [
      { key: "deal", title: ["Deal, stage now", "商机、当前阶段"], grow: 3, cell: (row) => (at("stage", row) === null ? el("div", { class: "deal-name clip" }, datum(deals.at("deal_name", at("deal", row)))) : dealCell(at("deal", row), at("stage", row))), rank: (row) => dealRank(at("deal", row)) },
      { key: "behind", title: ["Behind", "所属原因"], grow: 3, cell: (row) => el("div", { class: "two-lines" }, el("div", { class: "clip" }, causeName(at("cause", row))), el("div", { class: "small soft clip" }, stageName(splits.at("stage", splitOf(row))), " · ", against(row))), rank: (row) => code[row] },
      { key: "measured", title: ["What was measured", "测量结果"], grow: 3, cell: (row) => el("div", { class: "clamp" }, measured(row)) },
      { key: "advanced", title: ["Went on", "是否推进"], width: 104, cell: became, rank: (row) => at("is_advanced", row) ?? -1 },
      { key: "owner", title: ["Owner, team", "负责人、团队"], width: 144, cell: (row) => people(behind, row), rank: textRank(codes.owner) },
      { key: "entered", title: ["Came to the stage", "进入阶段"], rank: rank("entered_on") },
      { key: "amount", title: [`Amount, ${data.currency}`, `金额，${data.currency}`], width: 132, isEnd: true, cell: (row) => amountCell(at("deal", row)), rank: (row) => amountRank(at("deal", row)) },
    ],
    order: ["By cause, largest first", "按原因，金额最大的在前"],
    ranked: [
      { key: "amount", title: ["Amount", "金额"], isDescending: true },
      { key: "entered", title: ["Came to the stage", "进入阶段"], isDescending: true },
      { key: "deal", title: ["Deal", "商机"] },
      { key: "owner", title: ["Owner", "负责人"] },
    ],
    card: (row) =>
      el(
        "div",
        { class: "row-card" },
        el("div", { class: "row-card-line" }, el("span", { class: "clip deal-name" }, datum(deals.at("deal_name", at("deal", row))), " ", recordLink(at("deal", row), false)), el("span", { class: "n" }, money(deals.at("amount", at("deal", row))))),
        el("div", { class: "small" }, causeName(at("cause", row)), " · ", measured(row)),
        el("div", { class: "small soft clip" }, stageName(splits.at("stage", splitOf(row))), " · ", datum(at("owner", row)), " · ", became(row)),
      ),
    details: (row) => {
      const deal = at("deal", row);
      return [
        datum(deals.at("deal_name", deal)),
        recordLink(deal, true),
        section(
          say("Behind", "所属原因"),
          facts(
            fact(say("Cause", "原因"), causeName(at("cause", row))),
            fact(say("Share", "份额"), inPoints(shares.at("share", shareOf(row)))),
            fact(say("Stage", "阶段"), stageName(splits.at("stage", splitOf(row)))),
            fact(say("Comparison", "对比"), el("span", {}, comparisonName(splitOf(row)), say(": ", "："), against(row))),
          ),
        ),
        section(
          say("What was measured", "测量结果"),
          facts(
            fact(say("Came to the stage", "进入阶段"), datum(at("entered_on", row))),
            fact(say("Went on in time", "按期推进"), became(row)),
            fact(say("Lead quality", "线索质量"), className("quality_class", row)),
            fact(say("Customer fit band", "客户匹配档"), at("icp_band", row) === null ? null : datum(at("icp_band", row))),
            fact(say("Lead source", "线索来源"), at("lead_source", row) === null ? null : datum(at("lead_source", row))),
            fact(say("Proof at entry", "进入时的证据"), className("proof_class", row)),
            fact(say("Unproven criteria", "未证实的标准"), at("unproven_criteria", row) === null ? null : number(at("unproven_criteria", row))),
            fact(say("Follow-up", "跟进"), className("cadence_class", row)),
            fact(say("Touches a week", "每周接触次数"), at("touches_per_week", row) === null ? null : days(at("touches_per_week", row))),
            fact(say("Days to the first customer activity", "首次客户活动天数"), at("first_answer_days", row) === null ? null : days(at("first_answer_days", row))),
            fact(say("Longest gap, days", "最长间隔（天）"), at("gap_days", row) === null ? null : days(at("gap_days", row))),
            fact(say("Share from the customer", "客户发起占比"), at("inbound_share", row) === null ? null : percent(at("inbound_share", row))),
            fact(say("Pace", "节奏"), className("pace_class", row)),
            fact(say("Days in the stage", "阶段内天数"), at("dwell_days", row) === null ? null : days(at("dwell_days", row))),
          ),
        ),
        section(
          say("The deal", "商机"),
          facts(
            fact(say("Deal", "商机"), el("span", {}, datum(deals.at("deal_name", deal)), " ", el("span", { class: "soft" }, datum(deals.at("deal_id", deal))))),
            at("stage", row) === null ? [] : fact(say("Stage now", "当前阶段"), currentStage(at("stage", row))),
            fact(say("Owner", "负责人"), datum(at("owner", row))),
            fact(say("Team", "团队"), datum(at("team", row))),
            fact(say("Amount", "金额"), el("span", {}, money(deals.at("amount", deal)), " ", el("span", { translate: "no" }, data.currency))),
          ),
        ),
      ];
    },
    idOf: (row) => `${keys[code[row]]}/${deals.at("deal_id", at("deal", row))}`,
    files: [
      { title: ["Cause", "原因"], kind: "text", value: (row) => causeName(at("cause", row)) },
      { title: ["Stage of the comparison", "对比的阶段"], kind: "text", value: (row) => stageText(splits.at("stage", splitOf(row))) },
      { title: ["Comparison", "对比"], kind: "text", value: (row) => comparisonName(splitOf(row)) },
      { title: ["Of", "对象"], kind: "text", value: (row) => splits.at("focus", splitOf(row)) },
      { title: ["Against", "参照"], kind: "text", value: (row) => reference(splitOf(row)) },
      ...dealFiles(behind),
      { title: ["Came to the stage", "进入阶段"], kind: "date", value: (row) => at("entered_on", row) },
      { title: ["Went on in time", "按期推进"], kind: "text", width: 12, value: (row) => (at("is_advanced", row) === null ? null : at("is_advanced", row) ? say("yes", "是") : say("no", "否")) },
      ...classes.map((name, place) => ({ title: [["Lead quality", "线索质量"], ["Proof at entry", "进入时的证据"], ["Follow-up", "跟进"], ["Pace", "节奏"]][place], kind: "text", value: (row) => className(name, row) })),
      { title: ["Customer fit band", "客户匹配档"], kind: "text", width: 12, value: (row) => at("icp_band", row) },
      { title: ["Lead source", "线索来源"], kind: "text", value: (row) => at("lead_source", row) },
      { title: ["Unproven criteria", "未证实的标准"], kind: "number", value: (row) => at("unproven_criteria", row) },
      { title: ["Touches a week", "每周接触次数"], kind: "number", value: (row) => at("touches_per_week", row) },
      { title: ["Days to the first customer activity", "首次客户活动天数"], kind: "number", value: (row) => at("first_answer_days", row) },
      { title: ["Longest gap, days", "最长间隔（天）"], kind: "number", value: (row) => at("gap_days", row) },
      { title: ["Share from the customer", "客户发起占比"], kind: "number", value: (row) => at("inbound_share", row) },
      { title: ["Owner looser than others", "负责人把关较松"], kind: "text", width: 12, value: (row) => (at("has_loose_owner", row) === null ? null : at("has_loose_owner", row) ? say("yes", "是") : say("no", "否")) },
      { title: ["Days in the stage", "阶段内天数"], kind: "number", value: (row) => at("dwell_days", row) },
    ],
    printed: [
      { title: ["Deal", "商机"], cell: (row) => el("div", {}, el("strong", {}, datum(deals.at("deal_name", at("deal", row)))), el("div", { class: "small soft" }, datum(deals.at("deal_id", at("deal", row))))) },
      { title: ["Behind", "所属原因"], cell: (row) => shareLabel(row) },
      { title: ["What was measured", "测量结果"], cell: (row) => el("div", {}, measured(row)) },
      { title: ["Went on", "是否推进"], cell: became },
      { title: ["Owner, team", "负责人、团队"], cell: (row) => people(behind, row) },
      { title: [`Amount, ${data.currency}`, `金额，${data.currency}`], isEnd: true, cell: (row) => amountCell(at("deal", row)) },
    ],
    empty: ["No cause is named, so no deal stands behind one.", "没有查明的原因，因此没有相关商机。"],
  });
  onView(list.recount);
  stageproof.insights.hasDeals = (split, cause) => codeOf.has(shareKey(split, cause));
  stageproof.insights.showDeals = (split, cause) => list.only("behind", shareKey(split, cause));
})();
