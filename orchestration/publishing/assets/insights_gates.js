/* Which gates pay, and which stages mean one thing to one owner and another to the next. */
"use strict";
(() => {
  const { data, el, datum, say, number } = stageproof;
  const { tables, named, worded, pair } = stageproof.review;
  const { ofView, part, percent, listed } = stageproof.views;
  const { points, range, tenths, pointRange, days, below, short, stageName, stageText } = stageproof.insights;
  const { gates, ambiguity, readers } = tables;

  const at = (name, row) => gates.at(name, row);
  const gateName = (row) => (at("gate", row) === "entry" ? say("entering ", "进入") : say("leaving ", "离开"));
  const verdict = (row) => {
    const key = at("verdict", row);
    const tone = { supported: "good", contradicted: "block" }[key] ?? "soft";
    return el("span", { class: tone }, { supported: "▲ ", contradicted: "▼ " }[key] ?? "", named(data.names.verdicts, key));
  };
  const rate = (side) => (row) => el("span", {}, percent(at(`${side}_rate`, row)), below(range(at(`${side}_low`, row), at(`${side}_high`, row)), ` · n ${number(at(`${side}_n`, row))}`));
  part("gates", "gates", () => {
    const rows = ofView(gates);
    if (!rows.length) return false;
    listed(document.getElementById("gates-table"), {
      name: "gates",
      caption: ["What became of deals that met a criterion and that did not", "满足与未满足标准的商机结果"],
      rows,
      classOf: (row) => (at("is_in_force", row) ? null : "soft"),
      columns: [
        { title: ["What is asked", "要求"], isHead: true, cell: (row) => el("span", {}, pair(gates, "wording", row), below(gateName(row), stageName(at("stage", row)), at("is_in_force", row) ? "" : say(" · no longer asked", " · 已不再要求"))) },
        { title: ["Met it: won, 95 % interval", "满足：赢单率，95% 区间"], isEnd: true, cell: rate("met") },
        { title: ["Did not: won", "未满足：赢单率"], isEnd: true, cell: rate("not_met") },
        { title: ["Difference among like deals, points", "同类商机的差异（百分点）"], isEnd: true, cell: (row) => el("span", {}, el("strong", {}, points(at("difference", row))), below(pointRange(at("low", row), at("high", row)), at("difference", row) === null || at("is_adjusted", row) ? "" : say(" · as they are", " · 未校正"))) },
        { title: ["Next move after, days", "其后停留，天"], isEnd: true, cell: (row) => `${days(at("met_days", row))} / ${days(at("not_met_days", row))}` },
        { title: ["Verdict", "结论"], cell: verdict },
      ],
      files: [
        { title: ["Criterion", "标准"], kind: "text", value: (row) => at("criterion_id", row) },
        { title: ["What is asked", "要求"], kind: "text", width: 48, value: (row) => worded(gates, "wording", row) },
        { title: ["Stage", "阶段"], kind: "text", value: (row) => stageText(at("stage", row)) },
        { title: ["Gate", "关口"], kind: "text", value: (row) => (at("gate", row) === "entry" ? say("entry", "进入") : say("exit", "离开")) },
        { title: ["In force", "生效中"], kind: "text", value: (row) => (at("is_in_force", row) ? say("yes", "是") : say("no", "否")) },
        ...[
          ["deals", "Deals past the gate", "通过关口的商机"],
          ["met_n", "Met it, closed", "满足且已关闭"],
          ["met_won", "Met it, won", "满足且赢单"],
          ["met_rate", "Met it, win rate", "满足：赢单率"],
          ["met_low", "Met it, lower end", "满足：下限"],
          ["met_high", "Met it, upper end", "满足：上限"],
          ["not_met_n", "Did not, closed", "未满足且已关闭"],
          ["not_met_won", "Did not, won", "未满足且赢单"],
          ["not_met_rate", "Did not, win rate", "未满足：赢单率"],
          ["not_met_low", "Did not, lower end", "未满足：下限"],
          ["not_met_high", "Did not, upper end", "未满足：上限"],
          ["difference", "Difference", "差异"],
          ["low", "Difference, lower end", "差异下限"],
          ["high", "Difference, upper end", "差异上限"],
          ["met_days", "Met it, days to next move", "满足：其后停留天数"],
          ["not_met_days", "Did not, days to next move", "未满足：其后停留天数"],
        ].map(([name, en, zh]) => ({ title: [en, zh], kind: "number", value: (row) => at(name, row) })),
        { title: ["Verdict", "结论"], kind: "text", value: (row) => named(data.names.verdicts, at("verdict", row)) },
      ],
    });
    return true;
  });

  // Ambiguity

  const figure = (measure, value, places = 0) => (value === null ? stageproof.NOT_KNOWN : measure === "dwell" ? say(`${days(value)} days`, `${days(value)} 天`) : percent(value, places));
  const spread = (measure, value) => (value === null ? stageproof.NOT_KNOWN : measure === "dwell" ? say(`${days(value)} days`, `${days(value)} 天`) : say(`${points(value).replace("+", "")} points`, `${points(value).replace("+", "")} 个百分点`));
  const of = (name, row) => ambiguity.at(name, row);
  /* So few owners set no upper end; beyond a whole there is none either. */
  const spreadRange = (row) => {
    const [low, high] = [spread(of("measure", row), of("spread_low", row)), of("spread_high", row)];
    if (high === null || (of("measure", row) !== "dwell" && high > 1)) return say(`${low} or more`, `${low} 以上`);
    return `${low} – ${spread(of("measure", row), high)}`;
  };
  part("ambiguity", "gates", () => {
    const rows = ofView(ambiguity);
    if (!rows.length) return false;
    const isFirst = (row) => row === rows.find((each) => of("stage", each) === of("stage", row));
    listed(document.getElementById("ambiguity-table"), {
      name: "ambiguity",
      caption: ["How much owners differ in a stage", "负责人在同一阶段的差异"],
      rows,
      classOf: (row) => (isFirst(row) ? "first" : null),
      columns: [
        { title: ["Stage", "阶段"], isHead: true, cell: (row) => (isFirst(row) ? el("span", {}, stageName(of("stage", row)), of("is_ambiguous", row) ? el("span", { class: "id warn" }, say("ambiguous", "含义不一")) : "") : el("span", { class: "unseen" }, stageName(of("stage", row)))) },
        { title: ["Measure", "指标"], cell: (row) => named(data.names.measures, of("measure", row)) },
        { title: ["Mean", "均值"], isEnd: true, cell: (row) => el("span", {}, figure(of("measure", row), of("mean_value", row)), below(`n ${number(of("deals", row))}`)) },
        { title: ["Owners compared", "参与比较的负责人"], isEnd: true, cell: (row) => number(of("compared_owners", row)) },
        { title: ["Owners lie apart by, beyond chance", "负责人间差异（超出偶然）"], isEnd: true, cell: (row) => (of("is_short", row) ? short() : el("span", {}, el("strong", {}, spread(of("measure", row), of("spread", row))), below(spreadRange(row)))) },
        { title: ["Of all variance", "占总方差"], isEnd: true, cell: (row) => tenths(of("owner_variance_share", row)) },
        { title: ["Verdict", "结论"], cell: (row) => (of("is_short", row) ? el("span", { class: "soft" }, say("Too few owners", "负责人太少")) : of("has_owner_spread", row) ? say("Owners differ", "负责人之间有差异") : el("span", { class: "soft" }, say("No more than chance", "未超出偶然"))) },
      ],
      files: [
        { title: ["Stage", "阶段"], kind: "text", value: (row) => stageText(of("stage", row)) },
        { title: ["Measure", "指标"], kind: "text", value: (row) => named(data.names.measures, of("measure", row)) },
        ...[
          ["deals", "Deals", "商机数"],
          ["mean_value", "Mean", "均值"],
          ["compared_owners", "Owners compared", "参与比较的负责人"],
          ["spread", "Spread", "差异"],
          ["spread_low", "Lower end", "下限"],
          ["spread_high", "Upper end", "上限"],
          ["owner_variance_share", "Share of variance", "占总方差"],
        ].map(([name, en, zh]) => ({ title: [en, zh], kind: "number", value: (row) => of(name, row) })),
        { title: ["Ambiguous stage", "含义不一的阶段"], kind: "text", value: (row) => (of("is_ambiguous", row) ? say("yes", "是") : say("no", "否")) },
      ],
    });
    return true;
  });
  const reader = (name, row) => readers.at(name, row);
  const difference = (row, name) => (reader(name, row) === null ? stageproof.NOT_KNOWN : reader("measure", row) === "dwell" ? say(`${days(reader(name, row))} days`, `${days(reader(name, row))} 天`) : say(`${points(reader(name, row))} points`, `${points(reader(name, row))} 个百分点`));
  part("readers", "gates", () => {
    const rows = ofView(readers);
    if (!rows.length) return false;
    listed(document.getElementById("readers-table"), {
      name: "readers",
      caption: ["Owners who read a stage otherwise than the others", "对阶段理解与他人不同的负责人"],
      rows,
      columns: [
        { title: ["Owner", "负责人"], isHead: true, cell: (row) => el("span", {}, datum(reader("owner", row)), below(datum(reader("team", row)))) },
        { title: ["Stage", "阶段"], cell: (row) => stageName(reader("stage", row)) },
        { title: ["Measure", "指标"], cell: (row) => named(data.names.measures, reader("measure", row)) },
        { title: ["Deals", "商机数"], isEnd: true, cell: (row) => number(reader("deals", row)) },
        { title: ["Against others with like deals", "与同类商机的他人相比"], isEnd: true, cell: (row) => el("span", {}, el("strong", {}, difference(row, "difference")), below(`${difference(row, "low")} … ${difference(row, "high")}`)) },
      ],
      files: [
        { title: ["Owner", "负责人"], kind: "text", value: (row) => reader("owner", row) },
        { title: ["Team", "团队"], kind: "text", value: (row) => reader("team", row) },
        { title: ["Stage", "阶段"], kind: "text", value: (row) => stageText(reader("stage", row)) },
        { title: ["Measure", "指标"], kind: "text", value: (row) => named(data.names.measures, reader("measure", row)) },
        ...[
          ["deals", "Deals", "商机数"],
          ["mean_value", "Mean", "均值"],
          ["difference", "Difference", "差异"],
          ["low", "Lower end", "下限"],
          ["high", "Upper end", "上限"],
          ["shrunk", "Difference, shrunken", "差异（收缩后）"],
        ].map(([name, en, zh]) => ({ title: [en, zh], kind: "number", value: (row) => reader(name, row) })),
      ],
    });
    return true;
  });
})();
