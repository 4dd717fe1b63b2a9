/* The list of reasons why deals were won and lost, by stage, segment and competitor, and which closed early. */
"use strict";
(() => {
  const { data, el, say, money, number, explorer } = stageproof;
  const { tables, named, fact, facts, part: section, coded, searched, textRank } = stageproof.review;
  const { view, onView, ofView, part, percent, listed } = stageproof.views;
  const { meter, range, tenths, days, stageName, stageText, told, toldText } = stageproof.insights;
  const { reasons, stages } = tables;

  const at = (name, row) => reasons.at(name, row);
  const rows = Array.from({ length: reasons.rows }, (_, row) => row);
  const codes = Object.fromEntries(["outcome", "segment", "segment_value", "reason", "competitor"].map((name) => [name, coded(reasons, name)]));
  const segments = [...new Set(rows.map((row) => at("segment", row)))];
  const views = segments.length
    ? segments.map((key) => ({ key, label: key === "all" ? ["All deals", "全部商机"] : data.names.segments[key] ? [`By ${data.names.segments[key][0]}`, `按${data.names.segments[key][1]}`] : [key, key], has: (row) => at("segment", row) === key }))
    : [{ key: "all", label: ["All deals", "全部商机"], has: () => true }];
  const outcome = (row) => named(data.names.outcomes, at("outcome", row));
  const textFacet = (key, title, label) => ({ key, title, size: codes[key].texts.length, code: codes[key].code, keyOf: (code) => codes[key].texts[code] ?? "", label: (code) => label(codes[key].texts[code] ?? "all"), order: "weight" });
  const isWhole = (row) => at("segment", row) === "all";
  const rank = (column) => {
    const order = rows.filter((row) => at(column, row) !== null).sort((one, other) => (at(column, one) < at(column, other) ? -1 : at(column, one) > at(column, other) ? 1 : 0));
    const place = new Int32Array(reasons.rows).fill(-1);
    for (const [number_, row] of order.entries()) place[row] = number_ && at(column, order[number_ - 1]) === at(column, row) ? place[order[number_ - 1]] : number_;
    return (row) => place[row];
  };
  const early = (row) => (at("early", row) === null ? stageproof.NOT_KNOWN : el("span", { class: at("early", row) ? "warn" : "soft" }, number(at("early", row))));
  const inStage = (row) => say(`${days(at("days", row))} days, ${days(at("touches", row))} touches`, `${days(at("days", row))} 天，${days(at("touches", row))} 次接触`);
  const list = explorer.make(document.getElementById("reasons-explorer"), {
    name: "reasons",
    rows: reasons.rows,
    within: (row) => at("view", row) === view(),
    views,
    facets: [
      textFacet("outcome", ["Outcome", "结果"], (text) => el("span", {}, named(data.names.outcomes, text))),
      { key: "stage", title: ["Furthest stage", "最远阶段"], size: stages.rows, code: (row) => at("stage", row) ?? -1, keyOf: (code) => (code < 0 ? "" : stages.at("name_en", code)), label: (code) => el("span", {}, code < 0 ? say("none", "无") : stageName(code)), order: "given" },
      textFacet("segment_value", ["Segment", "细分"], told),
      textFacet("reason", ["Reason", "原因"], told),
      textFacet("competitor", ["Competitor", "竞争对手"], told),
    ],
    searched: [searched(codes.reason), searched(codes.competitor), searched(codes.segment_value)],
    weight: { of: (row) => row, amount: (row) => at("amount", row), word: [["row", "rows"], "行"] },
    columns: [
      { key: "reason", title: ["Reason, outcome", "原因、结果"], grow: 3, cell: (row) => el("div", { class: "two-lines" }, el("div", { class: "deal-name clip" }, told(at("reason", row))), el("div", { class: "small soft clip" }, outcome(row), isWhole(row) ? "" : el("span", {}, " · ", told(at("segment_value", row))))), rank: textRank(codes.reason) },
      { key: "stage", title: ["Furthest stage", "最远阶段"], grow: 2, cell: (row) => stageName(at("stage", row)), rank: (row) => at("stage", row) ?? -1 },
      { key: "competitor", title: ["Competitor", "竞争对手"], grow: 2, cell: (row) => el("div", { class: "clip" }, told(at("competitor", row))), rank: textRank(codes.competitor) },
      { key: "deals", title: ["Deals", "商机数"], width: 136, isEnd: true, cell: (row) => el("div", { class: "two-lines" }, el("div", {}, el("strong", {}, number(at("deals", row)))), el("div", { class: "small soft" }, tenths(at("share", row)), ` ${range(at("share_low", row), at("share_high", row))}`)), rank: rank("deals") },
      { key: "early", title: ["Closed early", "过早关闭"], width: 112, isEnd: true, cell: early, rank: rank("early") },
      { key: "days", title: ["Median in the last stage", "最后阶段中位数"], width: 168, isEnd: true, cell: inStage, rank: rank("days") },
      { key: "amount", title: [`Amount, ${data.currency}`, `金额，${data.currency}`], width: 132, isEnd: true, cell: (row) => money(at("amount", row)), rank: rank("amount") },
    ],
    order: ["Most deals first", "商机最多的在前"],
    ranked: [
      { key: "deals", title: ["Deals", "商机数"], isDescending: true },
      { key: "amount", title: ["Amount", "金额"], isDescending: true },
      { key: "early", title: ["Closed early", "过早关闭"], isDescending: true },
      { key: "stage", title: ["Furthest stage", "最远阶段"] },
      { key: "reason", title: ["Reason", "原因"] },
    ],
    card: (row) =>
      el(
        "div",
        { class: "row-card" },
        el("div", { class: "row-card-line" }, el("span", { class: "clip deal-name" }, told(at("reason", row))), el("span", { class: "n" }, el("strong", {}, number(at("deals", row))))),
        el("div", { class: "small soft clip" }, outcome(row), " · ", stageName(at("stage", row)), isWhole(row) ? "" : el("span", {}, " · ", told(at("segment_value", row)))),
        el("div", { class: "small" }, money(at("amount", row)), at("early", row) ? el("span", { class: "warn" }, say(` · ${number(at("early", row))} closed early`, ` · 过早关闭 ${number(at("early", row))}`)) : ""),
      ),
    details: (row) => [
      told(at("reason", row)),
      section(
        say("These deals", "这些商机"),
        facts(
          fact(say("Outcome", "结果"), outcome(row)),
          fact(say("Furthest stage", "最远阶段"), stageName(at("stage", row))),
          isWhole(row) ? [] : fact(named(data.names.segments, at("segment", row)), told(at("segment_value", row))),
          fact(say("Competitor", "竞争对手"), told(at("competitor", row))),
          fact(say("Deals", "商机数"), el("strong", {}, number(at("deals", row)))),
          fact(say("Share of the outcome", "占该结果"), el("span", {}, tenths(at("share", row)), ` ${range(at("share_low", row), at("share_high", row))}`, at("n", row) === null ? "" : el("span", { class: "soft" }, ` n ${number(at("n", row))}`))),
          fact(say("Amount", "金额"), el("span", {}, money(at("amount", row)), " ", el("span", { translate: "no" }, data.currency))),
          fact(say("Median in the last stage", "最后阶段中位数"), inStage(row)),
          fact(say("Closed early", "过早关闭"), early(row)),
        ),
      ),
    ],
    idOf: (row) => [data.views[at("view", row)].key, at("outcome", row), at("stage", row) === null ? "" : stages.at("name_en", at("stage", row)), at("segment", row), at("segment_value", row), at("reason", row), at("competitor", row)].join("/"),
    files: [
      { title: ["Outcome", "结果"], kind: "text", width: 12, value: outcome },
      { title: ["Furthest stage", "最远阶段"], kind: "text", value: (row) => stageText(at("stage", row)) },
      { title: ["Segment", "细分"], kind: "text", value: (row) => (isWhole(row) ? say("all deals", "全部商机") : named(data.names.segments, at("segment", row))) },
      { title: ["Value", "细分值"], kind: "text", value: (row) => toldText(at("segment_value", row)) },
      { title: ["Reason", "原因"], kind: "text", value: (row) => toldText(at("reason", row)) },
      { title: ["Competitor", "竞争对手"], kind: "text", value: (row) => toldText(at("competitor", row)) },
      { title: ["Deals", "商机数"], kind: "number", value: (row) => at("deals", row) },
      { title: ["Deals of the outcome", "该结果商机数"], kind: "number", value: (row) => at("n", row) },
      { title: ["Share", "占比"], kind: "number", value: (row) => at("share", row) },
      { title: ["Lower end, 95 %", "95% 区间下限"], kind: "number", value: (row) => at("share_low", row) },
      { title: ["Upper end, 95 %", "95% 区间上限"], kind: "number", value: (row) => at("share_high", row) },
      { title: [`Amount, ${data.currency}`, `金额，${data.currency}`], kind: "money", value: (row) => at("amount", row) },
      { title: ["Median days in the last stage", "最后阶段天数中位数"], kind: "number", value: (row) => at("days", row) },
      { title: ["Median touches", "接触次数中位数"], kind: "number", value: (row) => at("touches", row) },
      { title: ["Closed early", "过早关闭"], kind: "number", value: (row) => at("early", row) },
    ],
    printed: [
      { title: ["Reason", "原因"], cell: (row) => el("strong", {}, told(at("reason", row))) },
      { title: ["Outcome", "结果"], cell: (row) => el("span", {}, outcome(row), isWhole(row) ? "" : el("span", {}, " · ", told(at("segment_value", row)))) },
      { title: ["Furthest stage", "最远阶段"], cell: (row) => el("span", {}, stageName(at("stage", row))) },
      { title: ["Competitor", "竞争对手"], cell: (row) => told(at("competitor", row)) },
      { title: ["Deals", "商机数"], isEnd: true, cell: (row) => number(at("deals", row)) },
      { title: ["Closed early", "过早关闭"], isEnd: true, cell: early },
      { title: [`Amount, ${data.currency}`, `金额，${data.currency}`], isEnd: true, cell: (row) => money(at("amount", row)) },
    ],
    empty: ["No deal has closed yet, or the reasons of this night are not known.", "尚无已关闭的商机，或当晚没有原因数据。"],
  });
  onView(list.recount);

  // Closed early, by the furthest stage

  const byStage = () => {
    const found = new Map();
    for (const row of ofView(reasons)) {
      if (!isWhole(row) || at("outcome", row) === "won" || at("early", row) === null) continue;
      const sum = found.get(at("stage", row)) ?? { stage: at("stage", row), deals: 0, early: 0 };
      sum.deals += at("deals", row);
      sum.early += at("early", row);
      found.set(sum.stage, sum);
    }
    return [...found.values()].sort((one, other) => (one.stage ?? -1) - (other.stage ?? -1));
  };
  part("early", "reasons", () => {
    const lines = byStage();
    if (!lines.length) return false;
    const [closed, soon] = ["deals", "early"].map((name) => lines.reduce((sum, line) => sum + line[name], 0));
    document.getElementById("early-sentence").textContent = say(
      `${number(soon)} of ${number(closed)} deals that closed otherwise than won (${percent(soon / closed)}) were given up early.`,
      `${number(closed)} 个未赢单即关闭的商机中，${number(soon)} 个（${percent(soon / closed)}）过早放弃。`,
    );
    listed(document.getElementById("early-table"), {
      name: "closed-early",
      caption: ["Closed early by furthest stage", "按最远阶段统计的过早关闭"],
      rows: lines,
      columns: [
        { title: ["Furthest stage", "最远阶段"], isHead: true, cell: (line) => stageName(line.stage) },
        { title: ["Closed, not won", "关闭且未赢单"], isEnd: true, cell: (line) => number(line.deals) },
        { title: ["Closed early", "过早关闭"], isEnd: true, cell: (line) => el("strong", { class: line.early ? "warn" : "soft" }, number(line.early)) },
        { title: ["Share", "占比"], isEnd: true, cell: (line) => el("span", { class: "with-meter" }, percent(line.early / line.deals), meter(line.early / line.deals)) },
      ],
      files: [
        { title: ["Furthest stage", "最远阶段"], kind: "text", value: (line) => stageText(line.stage) },
        { title: ["Closed, not won", "关闭且未赢单"], kind: "number", value: (line) => line.deals },
        { title: ["Closed early", "过早关闭"], kind: "number", value: (line) => line.early },
      ],
    });
    return true;
  });
})();
