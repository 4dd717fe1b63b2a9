/* What won deals have in common on their way, and what that asks of the funnel. */
"use strict";
(() => {
  const { data, el, datum, say, number, explorer } = stageproof;
  const { tables, named, worded, pair, fact, facts, part: section, coded, searched, textRank } = stageproof.review;
  const { view, onView, ofView, part, percent, listed } = stageproof.views;
  const { points, range, tenths, pointRange, days, below, short, stageName, stageText, readable } = stageproof.insights;
  const { milestones, changes, gates, stages } = tables;
  const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

  // Changes that history asks for

  const of = (name, row) => changes.at(name, row);
  const isNothing = (row) => of("finding", row) === "nothing_to_change";
  const milestoneText = (key) => {
    const [subject, ...rest] = key.split(":");
    return [named(data.names.subjects, subject), ...rest.map(readable)];
  };
  const milestoneName = (key) => {
    const [subject, what, role] = milestoneText(key);
    return el("span", {}, subject, say(": ", "："), datum(what), role === undefined ? "" : el("span", {}, say(" with the ", "，联系人："), datum(role)));
  };
  const findingText = (row) => (of("is_proposed", row) || !(of("finding", row) in data.names.unproposed) ? named(data.names.findings, of("finding", row)) : named(data.names.unproposed, of("finding", row)));
  const about = (row) => {
    if (isNothing(row)) return el("span", {}, named(data.names.questions, of("question", row)));
    if (of("finding", row) === "merge_stages") return el("span", {}, stageName(of("stage", row)), " + ", stageName(of("other_stage", row)));
    if (of("finding", row) === "split_stage") return el("span", {}, stageName(of("stage", row)), below(say("at ", "以此为界："), milestoneName(of("milestone", row))));
    const gate = of("gate", row) === "entry" ? say("entering ", "进入") : say("leaving ", "离开");
    const what = of("milestone", row) === null ? pair(changes, "wording", row) : milestoneName(of("milestone", row));
    return el("span", {}, what, below(gate, stageName(of("stage", row))));
  };
  const aboutText = (row) => {
    if (isNothing(row)) return named(data.names.questions, of("question", row));
    if (of("other_stage", row) !== null) return `${stageText(of("stage", row))} + ${stageText(of("other_stage", row))}`;
    return of("milestone", row) === null ? worded(changes, "wording", row) : milestoneText(of("milestone", row)).join(" · ");
  };
  const effect = (row) => {
    if (isNothing(row) || of("difference", row) === null) return "";
    return el("span", {}, el("strong", {}, points(of("difference", row))), below(pointRange(of("low", row), of("high", row))));
  };
  /* The query that lists the deals of a number, for whoever doubts it. */
  const tracing = (query) => el("details", { class: "small" }, el("summary", {}, say("Which deals", "哪些商机")), el("code", { translate: "no" }, query));
  const shown = (row) => (of("traced_by", row) === null ? evidence(row) : el("div", {}, evidence(row), tracing(of("traced_by", row))));
  const evidence = (row) => {
    if (isNothing(row)) return of("untold", row)
      ? say(`${number(of("examined", row))} looked at, ${number(of("untold", row))} of them with too short a history`, `检查了 ${number(of("examined", row))} 项，其中 ${number(of("untold", row))} 项历史不足`)
      : say(`${number(of("examined", row))} looked at`, `检查了 ${number(of("examined", row))} 项`);
    const won = say(`won ${percent(of("rate_with", row))} with it, ${percent(of("rate_without", row))} without`, `具备时赢单 ${percent(of("rate_with", row))}，不具备时 ${percent(of("rate_without", row))}`);
    if (of("finding", row) === "merge_stages") {
      return say(
        `${number(of("dropoff_deals", row))} deals (${tenths(of("dropoff_share", row))}, ${range(of("dropoff_share_low", row), of("dropoff_share_high", row))}) drop off between them and would no longer be seen; visited by ${percent(of("visited_share", row))} and ${percent(of("other_visited_share", row))} of those who reached them; median stays ${days(of("stay_days", row))} and ${days(of("other_stay_days", row))} days; ${number(of("gate_criteria", row))} criteria between them`,
        `两者之间流失 ${number(of("dropoff_deals", row))} 个商机（${tenths(of("dropoff_share", row))}，${range(of("dropoff_share_low", row), of("dropoff_share_high", row))}），合并后不再可见；到达者中实际停留 ${percent(of("visited_share", row))} 与 ${percent(of("other_visited_share", row))}；停留中位数 ${days(of("stay_days", row))} 与 ${days(of("other_stay_days", row))} 天；其间有 ${number(of("gate_criteria", row))} 项标准`,
      );
    }
    if (of("finding", row) === "split_stage") {
      return say(
        `${won}; ${percent(of("milestone_share", row))} come to it, after ${days(of("days_before", row))} days, with ${days(of("days_after", row))} to go`,
        `${won}；${percent(of("milestone_share", row))} 达到该里程碑，此前 ${days(of("days_before", row))} 天，此后 ${days(of("days_after", row))} 天`,
      );
    }
    return won;
  };
  part("changes", "design", () => {
    const found = ofView(changes);
    if (!found.length) return false;
    listed(document.getElementById("changes-table"), {
      name: "changes",
      caption: ["What history asks of the funnel", "历史对漏斗的要求"],
      rows: found,
      classOf: (row) => (of("is_proposed", row) ? "leading" : null),
      columns: [
        { title: ["What", "更改"], isHead: true, cell: (row) => el("span", { class: isNothing(row) ? "soft" : null }, findingText(row), of("is_proposed", row) ? el("span", { class: "tag named" }, "→ ", say("proposed", "建议")) : "") },
        { title: ["Which", "对象"], cell: about },
        { title: ["Win rate, points, and interval", "赢单率差（百分点）与区间"], isEnd: true, cell: effect },
        { title: ["Deals compared", "参与比较的商机"], isEnd: true, cell: (row) => (isNothing(row) ? "" : number(of("n", row))) },
        { title: ["What history shows", "历史显示"], cell: shown },
      ],
      files: [
        { title: ["Finding", "结论"], kind: "text", value: findingText },
        { title: ["Proposed", "建议"], kind: "text", width: 12, value: (row) => (of("is_proposed", row) ? say("yes", "是") : say("no", "否")) },
        { title: ["Which", "对象"], kind: "text", width: 48, value: aboutText },
        { title: ["Subject", "标识"], kind: "text", value: (row) => of("subject", row) },
        { title: ["Stage", "阶段"], kind: "text", value: (row) => stageText(of("stage", row)) },
        { title: ["Query for its deals", "商机明细查询"], kind: "text", width: 48, value: (row) => of("traced_by", row) },
        ...[
          ["n", "Deals compared", "参与比较的商机"],
          ["rate_with", "Win rate with", "具备时赢单率"],
          ["rate_without", "Win rate without", "不具备时赢单率"],
          ["difference", "Difference", "差异"],
          ["low", "Difference, lower end", "差异下限"],
          ["high", "Difference, upper end", "差异上限"],
          ["lift", "Lift", "提升"],
          ["lift_low", "Lift, lower end", "提升下限"],
          ["lift_high", "Lift, upper end", "提升上限"],
          ["dropoff_deals", "Deals that drop off between", "其间流失商机"],
          ["dropoff_share", "Share that drops off", "其间流失占比"],
          ["visited_share", "Share that visits the stage", "停留该阶段的占比"],
          ["other_visited_share", "Share that visits the other", "停留另一阶段的占比"],
          ["stay_days", "Median stay, days", "停留中位数（天）"],
          ["other_stay_days", "Median stay in the other, days", "另一阶段停留中位数（天）"],
          ["gate_criteria", "Criteria between", "其间标准数"],
          ["milestone_share", "Share that comes to the milestone", "达到里程碑的占比"],
          ["days_before", "Days before it", "此前天数"],
          ["days_after", "Days after it", "此后天数"],
          ["examined", "Looked at", "检查数"],
          ["untold", "With too short a history", "历史不足"],
        ].map(([column, en, zh]) => ({ title: [en, zh], kind: "number", value: (row) => of(column, row) })),
      ],
    });
    return true;
  });

  // Milestones

  const at = (name, row) => milestones.at(name, row);
  const rows = Array.from({ length: milestones.rows }, (_, row) => row);
  const subjectText = (row) => named(data.names.subjects, at("subject", row));
  const key = (row) => [at("subject_key", row), at("contact_role", row)].filter((each) => each !== null && each !== "").map(readable);
  const name = (row) => {
    const [what, role] = key(row);
    return el("span", {}, datum(what), role === undefined ? "" : el("span", {}, say(" with the ", "，联系人："), datum(role)));
  };
  const verdict = (row) => {
    const tone = { found: "good", harmful: "block" }[at("verdict", row)] ?? "soft";
    return el("span", { class: tone }, { found: "▲ ", harmful: "▼ " }[at("verdict", row)] ?? "", named(data.names.milestones, at("verdict", row)));
  };
  const support = (side) => (row) => el("div", { class: "two-lines" }, el("div", {}, percent(at(`${side}_share`, row)), el("span", { class: "soft" }, ` ${range(at(`${side}_share_low`, row), at(`${side}_share_high`, row))}`)), el("div", { class: "small soft" }, say(`${number(at(`${side}_with`, row))} of ${number(at(side, row))}`, `${number(at(side, row))} 中的 ${number(at(`${side}_with`, row))}`)));
  const difference = (row) => el("div", { class: "two-lines" }, el("div", {}, el("strong", {}, points(at("difference", row)))), el("div", { class: "small soft" }, pointRange(at("low", row), at("high", row))));
  /* What the criteria ask, in their own words; their ids where the night knows no words. */
  const gateOf = new Map(Array.from({ length: gates.rows }, (_, row) => [gates.at("criterion_id", row), row]));
  const asked = (row) => {
    if (at("asked_by", row) === null) return el("span", { class: at("verdict", row) === "found" ? "warn" : "soft" }, say("no gate asks", "没有关口要求"));
    const criteria = at("asked_by", row).split(",").map((id) => id.trim());
    return el("span", {}, ...criteria.flatMap((id, place) => [place ? " · " : "", gateOf.has(id) ? pair(gates, "wording", gateOf.get(id)) : datum(id)]));
  };
  const codes = { verdict: coded(milestones, "verdict"), subject: coded(milestones, "subject"), milestone: coded(milestones, "milestone") };
  const rank = (column) => {
    const order = rows.filter((row) => at(column, row) !== null).sort((one, other) => at(column, one) - at(column, other));
    const place = new Int32Array(milestones.rows).fill(-1);
    for (const [number_, row] of order.entries()) place[row] = number_ && at(column, order[number_ - 1]) === at(column, row) ? place[order[number_ - 1]] : number_;
    return (row) => place[row];
  };
  const views = [
    { key: "found", label: ["Found", "已发现"], has: (row) => at("verdict", row) === "found" },
    { key: "unasked", label: ["Found, asked by no gate", "已发现但没有关口要求"], has: (row) => at("verdict", row) === "found" && at("asked_by", row) === null },
    { key: "all", label: ["All candidates", "全部候选"], has: () => true },
  ];
  const list = explorer.make(document.getElementById("milestones-explorer"), {
    name: "milestones",
    rows: milestones.rows,
    within: (row) => at("view", row) === view(),
    views,
    facets: [
      { key: "verdict", title: ["Verdict", "结论"], size: codes.verdict.texts.length, code: codes.verdict.code, keyOf: (code) => codes.verdict.texts[code] ?? "", label: (code) => el("span", {}, named(data.names.milestones, codes.verdict.texts[code])), order: "given" },
      { key: "subject", title: ["Kind", "类型"], size: codes.subject.texts.length, code: codes.subject.code, keyOf: (code) => codes.subject.texts[code] ?? "", label: (code) => el("span", {}, named(data.names.subjects, codes.subject.texts[code])), order: "weight" },
      { key: "stage", title: ["Usual stage", "通常阶段"], size: stages.rows, code: (row) => at("stage", row) ?? -1, keyOf: (code) => (code < 0 ? "" : stages.at("name_en", code)), label: (code) => el("span", {}, code < 0 ? say("none", "无") : stageName(code)), order: "given" },
    ],
    searched: [searched(codes.milestone), { size: milestones.rows, code: (row) => row, text: (row) => key(row).join(" ") }],
    weight: null,
    columns: [
      { key: "milestone", title: ["Milestone", "里程碑"], grow: 3, cell: (row) => el("div", { class: "two-lines" }, el("div", { class: "deal-name clip" }, name(row)), el("div", { class: "small" }, el("span", { class: "soft" }, subjectText(row), " · "), verdict(row))), rank: textRank(codes.milestone) },
      { key: "won", title: ["Won deals that have it", "赢单中具备"], grow: 2, isEnd: true, cell: support("won"), rank: rank("won_share") },
      { key: "lost", title: ["Lost ones", "输单中具备"], grow: 2, isEnd: true, cell: support("lost"), rank: rank("lost_share") },
      { key: "difference", title: ["Win rate against like deals, points", "与同类商机的赢单率差（百分点）"], grow: 2, isEnd: true, cell: difference, rank: rank("difference") },
      { key: "days", title: ["Days before close", "距关闭天数"], width: 112, isEnd: true, cell: (row) => el("div", { class: "two-lines" }, el("div", {}, days(at("days_p50", row))), el("div", { class: "small soft" }, at("days_p25", row) === null ? "" : `${days(at("days_p25", row))} – ${days(at("days_p75", row))}`)), rank: rank("days_p50") },
      { key: "stage", title: ["Usual stage, asked by", "通常阶段、要求来源"], grow: 3, cell: (row) => el("div", { class: "two-lines" }, el("div", {}, stageName(at("stage", row))), el("div", { class: "small clip" }, asked(row))), rank: (row) => at("stage", row) ?? -1 },
    ],
    order: ["Found first, largest difference first", "已发现的在前，差异最大的在前"],
    ranked: [
      { key: "difference", title: ["Difference", "差异"], isDescending: true },
      { key: "won", title: ["Share of won deals", "赢单占比"], isDescending: true },
      { key: "days", title: ["Days before close", "距关闭天数"], isDescending: true },
      { key: "stage", title: ["Usual stage", "通常阶段"] },
      { key: "milestone", title: ["Milestone", "里程碑"] },
    ],
    card: (row) =>
      el(
        "div",
        { class: "row-card" },
        el("div", { class: "row-card-line" }, el("span", { class: "clip deal-name" }, name(row)), el("span", { class: "n" }, el("strong", {}, points(at("difference", row))))),
        el("div", { class: "small soft" }, say(`won ${percent(at("won_share", row))}, lost ${percent(at("lost_share", row))}`, `赢单 ${percent(at("won_share", row))}，输单 ${percent(at("lost_share", row))}`), " · ", stageName(at("stage", row))),
        el("div", { class: "small clip" }, verdict(row), " · ", asked(row)),
      ),
    details: (row) => [
      name(row),
      el("p", { class: "tags" }, verdict(row)),
      section(
        say("Support", "支持度"),
        facts(
          fact(say("Won deals", "赢单"), support("won")(row)),
          fact(say("Lost deals", "输单"), support("lost")(row)),
          fact(say("Plain lift", "直接提升"), at("naive_lift", row) === null ? null : say(`${number(at("naive_lift", row))} times; not corrected for how long deals live`, `${number(at("naive_lift", row))} 倍；未校正商机存续时间`)),
        ),
      ),
      section(
        say("Against deals alike that left the stage without it", "与同阶段同类但未具备的商机相比"),
        facts(
          fact(say("Win rate with it", "具备时赢单率"), tenths(at("rate_with", row))),
          fact(say("Win rate without", "不具备时赢单率"), tenths(at("rate_without", row))),
          fact(say("Difference", "差异"), el("span", {}, el("strong", {}, points(at("difference", row))), ` (${pointRange(at("low", row), at("high", row))})`)),
          fact(say("Lift", "提升"), at("lift", row) === null ? null : `${number(at("lift", row))} (${number(at("lift_low", row))} – ${number(at("lift_high", row))})`),
          fact(say("Deals compared", "参与比较的商机"), number(at("n", row))),
        ),
        tracing(`select * from milestone_deals where funnel = ${quoted(data.views[at("view", row)].key)} and milestone = ${quoted(at("milestone", row))}`),
      ),
      section(
        say("When", "时间"),
        facts(
          fact(say("Usual stage", "通常阶段"), el("span", {}, stageName(at("stage", row)), at("stage_share", row) === null ? "" : el("span", { class: "soft" }, ` ${percent(at("stage_share", row))}`))),
          fact(say("Days before close", "距关闭天数"), `${days(at("days_p25", row))} · ${days(at("days_p50", row))} · ${days(at("days_p75", row))}`),
          fact(say("Same order", "顺序稳定性"), at("order_stability", row) === null ? null : say(`${percent(at("order_stability", row))} of ${number(at("ordered_pairs", row))} pairs`, `${number(at("ordered_pairs", row))} 对中的 ${percent(at("order_stability", row))}`)),
          fact(say("Asked by", "要求来源"), asked(row)),
        ),
      ),
    ],
    idOf: (row) => `${data.views[at("view", row)].key}/${at("milestone", row)}`,
    files: [
      { title: ["Milestone", "里程碑"], kind: "text", value: (row) => at("milestone", row) },
      { title: ["Kind", "类型"], kind: "text", width: 12, value: subjectText },
      { title: ["Verdict", "结论"], kind: "text", value: (row) => named(data.names.milestones, at("verdict", row)) },
      ...[
        ["won", "Won deals", "赢单"],
        ["won_with", "Won with it", "赢单且具备"],
        ["won_share", "Won share", "赢单占比"],
        ["won_share_low", "Won share, lower end", "赢单占比下限"],
        ["won_share_high", "Won share, upper end", "赢单占比上限"],
        ["lost", "Lost deals", "输单"],
        ["lost_with", "Lost with it", "输单且具备"],
        ["lost_share", "Lost share", "输单占比"],
        ["lost_share_low", "Lost share, lower end", "输单占比下限"],
        ["lost_share_high", "Lost share, upper end", "输单占比上限"],
        ["difference", "Win rate difference", "赢单率差"],
        ["low", "Difference, lower end", "差异下限"],
        ["high", "Difference, upper end", "差异上限"],
        ["lift", "Lift", "提升"],
        ["lift_low", "Lift, lower end", "提升下限"],
        ["lift_high", "Lift, upper end", "提升上限"],
        ["naive_lift", "Plain lift", "直接提升"],
        ["n", "Deals compared", "参与比较的商机"],
        ["days_p25", "Days before close, p25", "距关闭天数 p25"],
        ["days_p50", "Days before close, p50", "距关闭天数 p50"],
        ["days_p75", "Days before close, p75", "距关闭天数 p75"],
        ["order_stability", "Order stability", "顺序稳定性"],
        ["ordered_pairs", "Ordered pairs", "有序对数"],
      ].map(([column, en, zh]) => ({ title: [en, zh], kind: "number", value: (row) => at(column, row) })),
      { title: ["Usual stage", "通常阶段"], kind: "text", value: (row) => stageText(at("stage", row)) },
      { title: ["Asked by", "要求来源"], kind: "text", value: (row) => at("asked_by", row) },
    ],
    printed: [
      { title: ["Milestone", "里程碑"], cell: (row) => el("div", {}, el("strong", {}, name(row)), el("div", { class: "small" }, verdict(row))) },
      { title: ["Won deals that have it", "赢单中具备"], isEnd: true, cell: support("won") },
      { title: ["Lost ones", "输单中具备"], isEnd: true, cell: support("lost") },
      { title: ["Win rate against like deals, points", "与同类商机的赢单率差（百分点）"], isEnd: true, cell: difference },
      { title: ["Days before close", "距关闭天数"], isEnd: true, cell: (row) => days(at("days_p50", row)) },
      { title: ["Usual stage, asked by", "通常阶段、要求来源"], cell: (row) => el("div", {}, stageName(at("stage", row)), el("div", { class: "small" }, asked(row))) },
    ],
    empty: ["No kind of activity, evidence or document has come to enough deals to be judged.", "没有任何活动、证据或文档出现在足够多的商机中。"],
  });
  onView(list.recount);
})();
