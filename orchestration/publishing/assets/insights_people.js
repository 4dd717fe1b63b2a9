/* The list of owners and teams against all others: how each converts at a stage, and why otherwise. */
"use strict";
(() => {
  const { data, el, datum, say, number, explorer } = stageproof;
  const { tables, named, worded, fact, facts, part: section, coded, searched } = stageproof.review;
  const { view, onView, plainTable } = stageproof.views;
  const { points, inPoints, tenths, short, stageName, stageText, causeName, isPeople, sharesOf, leadingShare, shareColumns, changeText } = stageproof.insights;
  const { splits, shares, stages } = tables;

  const at = (name, row) => splits.at(name, row);
  const rows = Array.from({ length: splits.rows }, (_, row) => row);
  const codes = { focus: coded(splits, "focus"), cause: coded(splits, "cause") };
  const keys = Object.keys(data.names.people);
  const views = keys.map((key) => ({ key, label: data.names.people[key], has: (row) => at("comparison", row) === key }));
  const leading = (row) => {
    const share = leadingShare(row);
    if (share === null) return el("div", { class: "small soft" }, at("is_short", row) ? say("short history", "历史不足") : say("no cause named", "未查明原因"));
    return el("div", { class: "two-lines" }, el("div", {}, "★ ", causeName(shares.at("cause", share))), el("div", { class: "small soft" }, inPoints(shares.at("share", share))));
  };
  const conversion = (row) => el("div", { class: "two-lines" }, el("div", {}, el("strong", {}, tenths(at("focus_conversion", row))), el("span", { class: "soft" }, ` n ${number(at("focus_n", row))}`)), el("div", { class: "small soft" }, say("others ", "其他 "), tenths(at("reference_conversion", row)), ` · n ${number(at("reference_n", row))}`));
  const rank = (name, sign = 1) => {
    const order = rows.filter((row) => at(name, row) !== null).sort((one, other) => sign * (at(name, one) - at(name, other)));
    const place = new Int32Array(splits.rows).fill(-1);
    for (const [number_, row] of order.entries()) place[row] = number_ && at(name, order[number_ - 1]) === at(name, row) ? place[order[number_ - 1]] : number_;
    return (row) => place[row];
  };

  const list = explorer.make(document.getElementById("people-explorer"), {
    name: "people",
    rows: splits.rows,
    within: (row) => isPeople(row) && at("view", row) === view(),
    views,
    facets: [
      { key: "stage", title: ["Stage", "阶段"], size: stages.rows, code: (row) => at("stage", row), keyOf: (code) => (code < 0 ? "" : stages.at("name_en", code)), label: (code) => el("span", {}, code < 0 ? "" : stageName(code)), order: "given" },
      { key: "cause", title: ["Leading cause", "首要原因"], size: codes.cause.texts.length, code: codes.cause.code, keyOf: (code) => (code < 0 ? "" : codes.cause.texts[code]), label: (code) => el("span", {}, code < 0 ? say("none named", "未查明") : causeName(codes.cause.texts[code])), order: "weight" },
      { key: "history", title: ["History", "历史"], size: 2, code: (row) => Number(at("is_short", row)), keyOf: (code) => (code ? "short" : "enough"), label: (code) => el("span", {}, code ? say("Short", "不足") : say("Enough to compare", "足以比较")), order: "given" },
    ],
    searched: [searched(codes.focus), { size: stages.rows, code: (row) => at("stage", row), text: (stage) => `${stages.at("name_en", stage)} ${stages.at("name_zh", stage)}` }],
    weight: null,
    columns: [
      { key: "focus", title: ["Who, stage", "对象、阶段"], grow: 3, cell: (row) => el("div", { class: "two-lines" }, el("div", { class: "deal-name clip" }, datum(at("focus", row))), el("div", { class: "small soft" }, stageName(at("stage", row)))), rank: explorer.byText(() => codes.focus.texts, codes.focus.code) },
      { key: "conversion", title: ["Goes on, against all others", "推进率，与其他人相比"], grow: 3, isEnd: true, cell: conversion, rank: rank("focus_conversion") },
      { key: "change", title: ["Difference, points", "差异（百分点）"], width: 132, isEnd: true, cell: (row) => el("div", {}, el("strong", {}, changeText(row)), at("is_short", row) ? short() : ""), rank: rank("change") },
      { key: "cause", title: ["Leading cause", "首要原因"], grow: 3, cell: leading },
      { key: "stage", title: ["Stage", "阶段"], rank: (row) => at("stage", row) },
    ],
    order: ["By stage and name", "按阶段与名称"],
    ranked: [
      { key: "change", title: ["Difference", "差异"] },
      { key: "conversion", title: ["Goes on", "推进率"], isDescending: true },
      { key: "focus", title: ["Who", "对象"] },
      { key: "stage", title: ["Stage", "阶段"] },
    ],
    card: (row) =>
      el(
        "div",
        { class: "row-card" },
        el("div", { class: "row-card-line" }, el("span", { class: "clip deal-name" }, datum(at("focus", row))), el("span", { class: "n" }, el("strong", {}, changeText(row)))),
        el("div", { class: "small soft" }, stageName(at("stage", row)), " · ", tenths(at("focus_conversion", row)), say(" against ", " 对 "), tenths(at("reference_conversion", row))),
        el("div", { class: "small" }, leading(row)),
      ),
    details: (row) => {
      const table = el("div", { class: "wide" });
      plainTable(table, say("What the difference is made of", "差异的构成"), shareColumns(row), sharesOf.get(row));
      return [
        datum(at("focus", row)),
        el("p", { class: "small" }, stageName(at("stage", row)), ": ", inPoints(at("change", row))),
        section(
          say("Against all others", "与其他所有人相比"),
          facts(
            fact(say("Goes on", "推进率"), el("span", {}, el("strong", {}, tenths(at("focus_conversion", row))), ` n ${number(at("focus_n", row))}`)),
            fact(say("All others", "其他所有人"), el("span", {}, tenths(at("reference_conversion", row)), ` n ${number(at("reference_n", row))}`)),
            fact(say("Within", "期限"), say(`${number(at("horizon_days", row))} days`, `${number(at("horizon_days", row))} 天`)),
            at("is_short", row) ? fact(say("History", "历史"), el("span", { class: "warn" }, say("too short to name a cause", "太短，无法查明原因"))) : [],
          ),
        ),
        worded(splits, "sentence", row) ? section(say("In a sentence", "一句话"), el("p", {}, worded(splits, "sentence", row))) : null,
        section(say("What the difference is made of", "差异的构成"), table),
      ];
    },
    idOf: (row) => `${at("comparison", row)}/${stages.at("name_en", at("stage", row))}/${at("focus", row)}`,
    files: [
      { title: ["Compared", "口径"], kind: "text", width: 12, value: (row) => named(data.names.people, at("comparison", row)) },
      { title: ["Who", "对象"], kind: "text", value: (row) => at("focus", row) },
      { title: ["Stage", "阶段"], kind: "text", value: (row) => stageText(at("stage", row)) },
      { title: ["Deals", "商机数"], kind: "number", value: (row) => at("focus_n", row) },
      { title: ["Conversion", "转化率"], kind: "number", value: (row) => at("focus_conversion", row) },
      { title: ["Deals of all others", "其他人商机数"], kind: "number", value: (row) => at("reference_n", row) },
      { title: ["Conversion of all others", "其他人转化率"], kind: "number", value: (row) => at("reference_conversion", row) },
      { title: ["Difference", "差异"], kind: "number", value: (row) => at("change", row) },
      { title: ["Leading cause", "首要原因"], kind: "text", value: (row) => (at("cause", row) === null ? null : causeName(at("cause", row))) },
      ...Object.keys(data.names.causes).flatMap((cause) => {
        const of = (row) => sharesOf.get(row).find((share) => shares.at("cause", share) === cause);
        const [en, zh] = data.names.causes[cause];
        return [
          { title: [en, zh], kind: "number", value: (row) => (of(row) === undefined ? null : shares.at("share", of(row))) },
          { title: [`${en}: named`, `${zh}：已查明`], kind: "text", value: (row) => (of(row) === undefined ? null : shares.at("is_named", of(row)) ? say("yes", "是") : say("no", "否")) },
        ];
      }),
      { title: ["Short history", "历史不足"], kind: "text", width: 12, value: (row) => (at("is_short", row) ? say("yes", "是") : say("no", "否")) },
    ],
    printed: [
      { title: ["Who", "对象"], cell: (row) => el("strong", {}, datum(at("focus", row))) },
      { title: ["Stage", "阶段"], cell: (row) => el("span", {}, stageName(at("stage", row))) },
      { title: ["Goes on, against all others", "推进率，与其他人相比"], isEnd: true, cell: conversion },
      { title: ["Difference, points", "差异（百分点）"], isEnd: true, cell: changeText },
      { title: ["Leading cause", "首要原因"], cell: leading },
    ],
    empty: ["There is no history yet to compare owners or teams by.", "尚无可用于比较负责人或团队的历史。"],
  });
  onView(list.recount);
})();
