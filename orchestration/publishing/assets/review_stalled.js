/* The list of stalled deals: why, what to do first, how far attempts have come. */
"use strict";
(() => {
  const { data, el, datum, say, number, money, explorer } = stageproof;
  const {
    amountCell, amountRank, coded, dealCell, dealFacts, dealFiles, dealRank, deals, fact, facts, inDays, nameFacet,
    named, pair, part, people, recordLink, searched, searchedDeals, stageFacet, stageName, tables, textFacet,
    textRank, weight, worded, wording,
  } = stageproof.review;

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
})();
