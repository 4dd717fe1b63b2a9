/* The list of teams, owners, segments and funnels: what is expected of each, and how far it is from its target. */
"use strict";
(() => {
  const { data, el, datum, say, money, number, explorer } = stageproof;
  const { tables, fact, facts, part: section } = stageproof.review;
  const { view, onView, interval } = stageproof.views;

  const { levels } = tables;
  const TERMS = ["running", "next"];
  const at = (name, row) => levels.at(name, row);
  const nameText = (row) => at(stageproof.language() === "zh" ? "name_zh" : "name_en", row);
  const name = (row) => (at("is_named", row) ? el("span", {}, nameText(row)) : datum(nameText(row)));
  const rows = Array.from({ length: levels.rows }, (_, row) => row);
  const label = (term) => data.quarters[TERMS.indexOf(term)] ?? (term === "running" ? say("Running", "本季度") : say("Next", "下季度"));
  const titled = (term, en, zh) => {
    const quarter = data.quarters[TERMS.indexOf(term)];
    return quarter ? [`${quarter}: ${en}`, `${quarter}：${zh}`] : [en, zh];
  };
  const gapText = (gap) => {
    if (gap === null) return stageproof.NOT_KNOWN;
    if (gap > 0n) return say(`${money(gap)} short`, `差 ${money(gap)}`);
    return gap < 0n ? say(`${money(-gap)} above`, `超 ${money(-gap)}`) : say("met", "达标");
  };
  const gapCell = (gap) => el("span", { class: gap === null || gap === 0n ? "soft" : gap > 0n ? "worse" : "better" }, gap === null || gap === 0n ? "" : gap > 0n ? "▼ " : "▲ ", gapText(gap));
  const times = (ratio) => (ratio === null ? stageproof.NOT_KNOWN : `${number(ratio)}×`);
  const coverage = (term, row) => (at(`${term}_coverage`, row) === null ? null : say(`covered ${times(at(`${term}_coverage`, row))}`, `覆盖 ${times(at(`${term}_coverage`, row))}`));
  const expectedCell = (term, row) =>
    el("div", { class: "two-lines" }, el("div", {}, el("strong", {}, money(at(`${term}_total`, row)))), el("div", { class: "small soft" }, interval(at(`${term}_low`, row), at(`${term}_high`, row))));
  const targetCell = (term, row) =>
    at(`${term}_target`, row) === null
      ? el("span", { class: "soft" }, stageproof.NOT_KNOWN)
      : el("div", { class: "two-lines" }, el("div", {}, gapCell(at(`${term}_gap`, row))), el("div", { class: "small soft" }, say("of ", "目标 "), money(at(`${term}_target`, row)), coverage(term, row) === null ? "" : " · ", coverage(term, row)));

  /* Ranks of amounts, which are too large to sort as numbers exactly. */
  const rankOf = (column) => {
    const known = rows.filter((row) => at(column, row) !== null).sort((one, other) => (at(column, one) < at(column, other) ? -1 : at(column, one) > at(column, other) ? 1 : 0));
    const rank = new Int32Array(levels.rows).fill(-1);
    for (const [place, row] of known.entries()) rank[row] = place && at(column, known[place - 1]) === at(column, row) ? rank[known[place - 1]] : place;
    return (row) => rank[row];
  };
  const hasTarget = (term) => rows.some((row) => at(`${term}_target`, row) !== null);
  const terms = TERMS.filter((term) => rows.some((row) => at(`${term}_total`, row) !== null));

  const views = Object.entries(data.names.scopes).map(([key, scope]) => ({ key, label: scope, has: (row) => at("scope", row) === key }));
  const list = explorer.make(document.getElementById("levels-explorer"), {
    name: "levels",
    rows: levels.rows,
    within: (row) => at("view", row) === view(),
    views: views.some(({ has }) => rows.some(has)) ? views.filter(({ has }) => rows.some(has)) : views.slice(0, 1),
    facets: [],
    searched: [{ size: levels.rows, code: (row) => row, text: (row) => `${at("name_en", row)} ${at("name_zh", row)}` }],
    weight: null,
    columns: [
      { key: "name", title: ["Name", "名称"], grow: 2, cell: (row) => el("div", { class: "clip deal-name" }, name(row)), rank: explorer.byText(() => rows.map(nameText), (row) => row) },
      ...terms.flatMap((term) => [
        { key: `${term}_total`, title: titled(term, `expected, ${data.currency}`, `期望，${data.currency}`), grow: 2, isEnd: true, cell: (row) => expectedCell(term, row), rank: rankOf(`${term}_total`) },
        ...(hasTarget(term) ? [{ key: `${term}_gap`, title: titled(term, "against target", "与目标"), grow: 2, isEnd: true, cell: (row) => targetCell(term, row), rank: rankOf(`${term}_gap`) }] : []),
      ]),
    ],
    order: ["Largest first", "金额最大的在前"],
    ranked: [
      { key: "name", title: ["Name", "名称"] },
      ...terms.flatMap((term) => [
        { key: `${term}_total`, title: titled(term, "expected", "期望"), isDescending: true },
        ...(hasTarget(term) ? [{ key: `${term}_gap`, title: titled(term, "gap", "差距"), isDescending: true }] : []),
      ]),
    ],
    card: (row) =>
      el(
        "div",
        { class: "row-card" },
        el("div", { class: "row-card-line" }, el("span", { class: "clip deal-name" }, name(row)), el("span", { class: "n" }, money(at(`${terms[0] ?? "running"}_total`, row)))),
        el("div", { class: "small soft" }, interval(at(`${terms[0] ?? "running"}_low`, row), at(`${terms[0] ?? "running"}_high`, row))),
        at("running_gap", row) === null ? null : el("div", { class: "small" }, gapCell(at("running_gap", row))),
      ),
    details: (row) => [
      name(row),
      ...terms.map((term) =>
        section(
          label(term),
          facts(
            fact(say("Won so far", "已赢单"), money(at(`${term}_won`, row))),
            fact(say("Open deals", "进行中商机"), money(at(`${term}_open`, row))),
            fact(say("New business", "新增业务"), money(at(`${term}_new`, row))),
            fact(say("Expected", "期望合计"), el("strong", {}, money(at(`${term}_total`, row)))),
            fact(say("80 % interval", "80% 区间"), interval(at(`${term}_low`, row), at(`${term}_high`, row))),
            fact(say("Target", "目标"), money(at(`${term}_target`, row))),
            fact(say("Gap", "差距"), gapCell(at(`${term}_gap`, row))),
            fact(say("Coverage", "覆盖率"), times(at(`${term}_coverage`, row))),
            fact(say("Required", "所需覆盖率"), times(at(`${term}_required`, row))),
          ),
        ),
      ),
    ],
    idOf: (row) => `${at("scope", row)}/${at("name_en", row)}`,
    files: [
      { title: ["Scope", "口径"], kind: "text", width: 12, value: (row) => say(...data.names.scopes[at("scope", row)]) },
      { title: ["Name", "名称"], kind: "text", value: nameText },
      ...terms.flatMap((term) => [
        ...[
          ["won", "won so far", "已赢单"],
          ["open", "open deals", "进行中商机"],
          ["new", "new business", "新增业务"],
          ["total", "expected", "期望合计"],
          ["low", "p10", "p10"],
          ["high", "p90", "p90"],
          ["target", "target", "目标"],
          ["gap", "gap", "差距"],
        ].map(([key, en, zh]) => ({ title: titled(term, en, zh), kind: "money", value: (row) => at(`${term}_${key}`, row) })),
        { title: titled(term, "coverage", "覆盖率"), kind: "number", value: (row) => at(`${term}_coverage`, row) },
        { title: titled(term, "required coverage", "所需覆盖率"), kind: "number", value: (row) => at(`${term}_required`, row) },
      ]),
    ],
    printed: [
      { title: ["Name", "名称"], cell: (row) => el("strong", {}, name(row)) },
      ...terms.flatMap((term) => [
        { title: titled(term, "expected", "期望"), isEnd: true, cell: (row) => expectedCell(term, row) },
        ...(hasTarget(term) ? [{ title: titled(term, "against target", "与目标"), isEnd: true, cell: (row) => targetCell(term, row) }] : []),
      ]),
    ],
    empty: ["Nothing is expected of anybody: there is no forecast by team, owner or segment.", "没有按团队、负责人或细分的预测。"],
  });
  onView(list.recount);
})();
