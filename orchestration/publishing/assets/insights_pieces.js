/* What the parts of the insights page share: names, figures in points and intervals, shares of a change, source lines.
   Belongs here: what more than one part needs. Not here: any part (insights_*.js), any figure (insights_page/). */
"use strict";
stageproof.insights = (() => {
  const { data, el, datum, say, number, locale } = stageproof;
  const { tables, named, worded, pair } = stageproof.review;
  const { percent } = stageproof.views;
  const { stages, splits, shares } = tables;

  // Figures

  const decimal = (value, places, sign = "auto") => new Intl.NumberFormat(locale(), { minimumFractionDigits: places, maximumFractionDigits: places, signDisplay: sign }).format(value);
  /* A difference of shares in percentage points, with its sign. */
  const points = (share) => (share === null || share === undefined ? stageproof.NOT_KNOWN : decimal(100 * share, 1, "exceptZero").replace("-", "−"));
  const inPoints = (share) => (share === null || share === undefined ? stageproof.NOT_KNOWN : say(`${points(share)} points`, `${points(share)} 个百分点`));
  const range = (low, high) => (low === null || high === null ? "" : `${decimal(100 * low, 0)}–${percent(high)}`);
  /* To one place, also where that is a nought, so that figures stand below each other. */
  const tenths = (share) => (share === null || share === undefined ? stageproof.NOT_KNOWN : new Intl.NumberFormat(locale(), { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(share));
  const pointRange = (low, high) => (low === null || high === null ? stageproof.NOT_KNOWN : `${points(low)} … ${points(high)}`);
  /* What is not nothing is never told as nothing. */
  const days = (value) => (value === null || value === undefined ? stageproof.NOT_KNOWN : value > 0 && value < 0.05 ? `<${decimal(0.1, 1)}` : decimal(value, 1));
  /* A small line below a figure. */
  const below = (...content) => el("span", { class: "id" }, ...content);
  const short = () => el("span", { class: "id warn" }, say("short history", "历史不足"));
  const meter = (share, tone) => {
    const fill = el("span", { class: tone ?? null });
    fill.style.inlineSize = `${Math.round(1000 * Math.min(1, Math.max(0, share ?? 0))) / 10}%`;
    return el("span", { class: "meter", "aria-hidden": "true" }, fill);
  };

  // Names

  const stageName = (stage) => (stage === null ? datum(null) : pair(stages, "name", stage));
  const stageText = (stage) => (stage === null ? null : worded(stages, "name", stage));
  const stageKey = (stage) => (stage === null ? "" : stages.at("name_en", stage));
  const causeName = (cause) => named(data.names.causes, cause);
  /* Of a focus and what it is held against: two quarters, or a person and all others. */
  const isPeople = (split) => splits.at("comparison", split) in data.names.people;
  const reference = (split) => (isPeople(split) ? say("all others", "其他所有人") : (splits.at("reference", split) ?? stageproof.NOT_KNOWN));
  const comparisonName = (split) => named({ ...data.names.comparisons, ...data.names.people }, splits.at("comparison", split));
  /* What the standards or a CRM name, or the words for what nobody recorded. */
  const told = (text) => (text in data.names.untold ? el("span", { class: "soft" }, say(...data.names.untold[text])) : datum(text));
  const toldText = (text) => (text in data.names.untold ? say(...data.names.untold[text]) : text);
  const readable = (key) => key.replaceAll("_", " ");

  // Shares of a change

  const sharesOf = new Map(Array.from({ length: splits.rows }, (_, split) => [split, []]));
  for (let row = 0; row < shares.rows; row += 1) sharesOf.get(shares.at("split", row)).push(row);
  const leadingShare = (split) => sharesOf.get(split).find((row) => shares.at("is_leading", row)) ?? null;
  const namedMark = () => el("span", { class: "tag named" }, "★ ", say("named", "已查明"));
  const shareKey = (split, cause) => [stageKey(splits.at("stage", split)), splits.at("comparison", split), splits.at("focus", split), cause].join("/");
  /* Leads to the deals behind a named share; plain where it has none, or there is no list of them. */
  const dealsButton = (split, row) => {
    const count = shares.at("deals_behind", row);
    const isListed = shares.at("is_named", row) && stageproof.insights.showDeals && stageproof.insights.hasDeals(split, shares.at("cause", row));
    if (!isListed) return el("span", {}, number(count));
    return el("button", { type: "button", class: "link", onclick: () => stageproof.insights.showDeals(split, shares.at("cause", row)) }, say(`${number(count)} ${count === 1 ? "deal" : "deals"}`, `${number(count)} 个商机`));
  };
  /* The shares of a split as a table's columns and as those of its file. */
  const shareColumns = (split) => [
    { title: ["Cause", "原因"], isHead: true, cell: (row) => el("span", {}, causeName(shares.at("cause", row)), shares.at("is_named", row) ? namedMark() : "", below(named(data.names.meanings, shares.at("cause", row))), shares.at("is_named", row) && !shares.at("is_leading", row) && worded(shares, "sentence", row) ? below(worded(shares, "sentence", row)) : "") },
    { title: ["Share of the change, points", "占变化的份额（百分点）"], isEnd: true, cell: (row) => el("strong", { class: shares.at("is_named", row) ? (shares.at("share", row) < 0 ? "worse" : "better") : null }, points(shares.at("share", row))) },
    { title: ["Interval", "区间"], isEnd: true, cell: (row) => pointRange(shares.at("low", row), shares.at("high", row)) },
    { title: ["Deals behind", "相关商机"], isEnd: true, cell: (row) => dealsButton(split, row) },
  ];
  const shareFiles = [
    { title: ["Stage", "阶段"], kind: "text", value: (row) => stageText(splits.at("stage", shares.at("split", row))) },
    { title: ["Comparison", "对比"], kind: "text", value: (row) => comparisonName(shares.at("split", row)) },
    { title: ["Of", "对象"], kind: "text", value: (row) => splits.at("focus", shares.at("split", row)) },
    { title: ["Against", "参照"], kind: "text", value: (row) => reference(shares.at("split", row)) },
    { title: ["Deals", "商机数"], kind: "number", value: (row) => splits.at("focus_n", shares.at("split", row)) },
    { title: ["Deals of the reference", "参照商机数"], kind: "number", value: (row) => splits.at("reference_n", shares.at("split", row)) },
    { title: ["Conversion", "转化率"], kind: "number", value: (row) => splits.at("focus_conversion", shares.at("split", row)) },
    { title: ["Conversion of the reference", "参照转化率"], kind: "number", value: (row) => splits.at("reference_conversion", shares.at("split", row)) },
    { title: ["Change", "变化"], kind: "number", value: (row) => splits.at("change", shares.at("split", row)) },
    { title: ["Cause", "原因"], kind: "text", value: (row) => causeName(shares.at("cause", row)) },
    { title: ["Share of the change", "占变化的份额"], kind: "number", value: (row) => shares.at("share", row) },
    { title: ["Lower end", "区间下限"], kind: "number", value: (row) => shares.at("low", row) },
    { title: ["Upper end", "区间上限"], kind: "number", value: (row) => shares.at("high", row) },
    { title: ["Named", "已查明"], kind: "text", value: (row) => (shares.at("is_named", row) ? say("yes", "是") : say("no", "否")) },
    { title: ["Deals behind", "相关商机"], kind: "number", value: (row) => shares.at("deals_behind", row) },
  ];
  /* In colour where a cause is named: what may be chance is neither better nor worse. */
  const changeTone = (split) => (leadingShare(split) === null ? null : splits.at("change", split) < 0 ? "worse" : "better");
  const changeText = (split) => el("span", { class: changeTone(split) }, points(splits.at("change", split)));

  return {
    points, inPoints, tenths, range, pointRange, days, below, short, meter, stageName, stageText, stageKey, causeName, isPeople, reference, comparisonName, told, toldText, readable,
    sharesOf, leadingShare, namedMark, shareKey, shareColumns, shareFiles, changeText, changeTone,
  };
})();
