/* Why a stage converts otherwise in one quarter than in another: the change, what it is made of, the deals behind it. */
"use strict";
(() => {
  const { data, el, say, number, charts, write } = stageproof;
  const { tables, named, worded } = stageproof.review;
  const { view, ofView, part, picker, inAddress, percent, plainTable, listed } = stageproof.views;
  const { points, inPoints, tenths, below, short, stageName, stageText, stageKey, causeName, isPeople, reference, sharesOf, leadingShare, shareColumns, shareFiles, changeText, changeTone } = stageproof.insights;
  const { splits, shares } = tables;

  const at = (name, split) => splits.at(name, split);
  const quarters = () => ofView(splits).filter((split) => !isPeople(split));
  /* A fall with a named cause first, then the largest change that history can tell of. */
  const weight = (split) => (leadingShare(split) !== null ? 10 : 0) + (at("is_short", split) ? -5 : 0) + (at("change", split) < 0 ? 2 : 0) + Math.abs(at("change", split));
  const best = (found) => (found.includes(data.views[view()].opens) ? data.views[view()].opens : largest(found));
  const largest = (found) => found.reduce((one, other) => (one === null || weight(other) > weight(one) ? other : one), null);
  const stage = picker(document.getElementById("cause-pickers"), {
    key: "stage",
    label: ["Stage", "阶段"],
    options: () => [...new Set(quarters().map((split) => at("stage", split)))].sort((one, other) => one - other).map((each) => ({ key: stageKey(each), label: stageText(each) })),
    initial: () => stageKey(at("stage", best(quarters()))),
  });
  const ofStage = () => quarters().filter((split) => stageKey(at("stage", split)) === stage.chosen());
  const comparison = picker(document.getElementById("cause-pickers"), {
    key: "against",
    label: ["Against", "对比"],
    options: () => Object.keys(data.names.comparisons).filter((key) => ofStage().some((split) => at("comparison", split) === key)).map((key) => ({ key, label: named(data.names.comparisons, key) })),
    initial: () => at("comparison", best(ofStage())),
  });

  // At a glance

  const glance = () => {
    const all = quarters();
    const rows = [...new Set(all.map((split) => at("stage", split)))].sort((one, other) => one - other);
    const of = (row, key) => all.find((split) => at("stage", split) === row && at("comparison", split) === key);
    const cell = (split) => {
      if (split === undefined) return el("span", { class: "soft" }, stageproof.NOT_KNOWN);
      const leading = leadingShare(split);
      const isChosen = stageKey(at("stage", split)) === stage.chosen() && at("comparison", split) === comparison.chosen();
      return el(
        "button",
        {
          type: "button",
          class: "glance",
          "aria-pressed": String(isChosen),
          "data-split": split,
          onclick: () => {
            stage.choose(stageKey(at("stage", split)));
            comparison.choose(at("comparison", split));
            offerAndDraw();
            write();
            document.querySelector(`[data-split="${split}"]`).focus();
          },
        },
        changeText(split),
        leading === null ? below(at("is_short", split) ? say("short history", "历史不足") : say("no cause named", "未查明原因")) : below("★ ", causeName(shares.at("cause", leading))),
      );
    };
    plainTable(
      document.getElementById("glance-table"),
      say("Change of conversion by stage and comparison, percentage points", "各阶段转化率变化（百分点）"),
      [
        { title: ["Stage", "阶段"], isHead: true, cell: (row) => stageName(row) },
        ...Object.entries(data.names.comparisons)
          .filter(([key]) => all.some((split) => at("comparison", split) === key))
          .map(([key, title]) => ({ title, isEnd: true, cell: (row) => cell(of(row, key)) })),
      ],
      rows,
    );
  };

  // One comparison

  const draw = () => {
    glance();
    const split = ofStage().find((each) => at("comparison", each) === comparison.chosen());
    const own = sharesOf.get(split);
    const [before, after] = [at("reference_conversion", split), at("focus_conversion", split)];
    document.getElementById("cause-title").replaceChildren(
      el("span", {}, stageName(at("stage", split)), say(`: ${tenths(after)} in ${at("focus", split)}, ${tenths(before)} in ${reference(split)} `, `：${at("focus", split)} 为 ${tenths(after)}，${reference(split)} 为 ${tenths(before)} `)),
      el("span", { class: "date" }, "(", el("span", { class: changeTone(split) }, inPoints(at("change", split))), ")"),
    );
    const horizon = number(Math.round(at("horizon_days", split)));
    document.getElementById("cause-basis").replaceChildren(
      say(
        `Went on within ${horizon} days: of ${number(at("focus_n", split))} deals, of ${number(at("reference_n", split))} in the reference. Only deals that had that long count.`,
        `${horizon} 天内推进的比例：本期 ${number(at("focus_n", split))} 个商机，参照 ${number(at("reference_n", split))} 个；仅计入已满该天数的商机。`,
      ),
      at("level", split) === null ? "" : say(` Intervals hold for all stages and causes at once, ${tenths(at("level", split))} of the time.`, `区间对全部阶段与原因同时成立的把握为 ${tenths(at("level", split))}。`),
      at("is_short", split) ? short() : "",
    );
    document.getElementById("cause-sentence").textContent = worded(splits, "sentence", split) ?? say("No cause of this change can be told apart from chance.", "这一变化没有可与偶然区分的原因。");
    // Without a reference there is no change to split.
    const isSplit = own.every((row) => shares.at("share", row) !== null) && before !== null;
    document.getElementById("chart-causes").parentElement.hidden = !isSplit;
    document.getElementById("cause-axis").hidden = !isSplit;
    document.getElementById("cause-table").hidden = !isSplit;
    if (!isSplit) return;
    let level = before;
    const values = [[0, 100 * before]];
    const ends = [before, after];
    const marks = { values: [null], low: [null], high: [null] };
    const tops = [null];
    for (const row of own) {
      const to = level + shares.at("share", row);
      values.push([100 * level, 100 * to]);
      marks.values.push(shares.at("low", row) === null ? null : 100 * to);
      for (const end of ["low", "high"]) {
        const reach = shares.at(end, row) === null ? null : level + shares.at(end, row);
        marks[end].push(reach === null ? null : 100 * reach);
        if (reach !== null) ends.push(reach);
      }
      tops.push(shares.at("high", row) === null ? null : 100 * Math.max(level, to, level + shares.at("high", row)));
      ends.push(to);
      level = to;
    }
    values.push([0, 100 * after]);
    for (const each of Object.values(marks)) each.push(null);
    // Parts of a change are small beside what it began from.
    const lowest = Math.max(0, Math.floor((100 * Math.min(...ends) - 2) / 5) * 5);
    values[0][0] = lowest;
    values[values.length - 1][0] = lowest;
    document.getElementById("cause-axis").textContent = lowest ? say(`The axis begins at ${percent(lowest / 100)}. Only parts in colour, marked ★, are beyond chance; grey ones are not.`, `坐标轴从 ${percent(lowest / 100)} 开始。仅着色并标 ★ 的部分超出偶然，灰色部分未超出。`) : say("Only parts in colour, marked ★, are beyond chance; grey ones are not.", "仅着色并标 ★ 的部分超出偶然，灰色部分未超出。");
    const tone = (row) => (shares.at("is_named", row) ? (shares.at("share", row) < 0 ? "--block" : "--good") : "--unnamed");
    charts.draw(document.getElementById("chart-causes"), {
      label: [
        `What the change from ${tenths(before)} to ${tenths(after)} is made of, in percentage points; the same stands in the table below`,
        `由 ${tenths(before)} 变为 ${tenths(after)} 的构成（百分点）；同样内容见下表`,
      ],
      format: "hundredths",
      floor: lowest,
      categories: [reference(split), ...own.map((row) => causeName(shares.at("cause", row))), at("focus", split)],
      series: [
        {
          kind: "floating",
          name: ["Conversion", "转化率"],
          values,
          tops: [...tops, null],
          labels: [tenths(before), ...own.map((row) => `${points(shares.at("share", row))}${shares.at("is_named", row) ? " ★" : ""}`), tenths(after)],
          colours: ["--won", ...own.map(tone), "--won"],
        },
        { kind: "marks", name: ["Interval of the part", "该部分的区间"], ...marks, colour: "--interval", shape: "none" },
      ],
    });
    listed(document.getElementById("cause-table"), {
      name: `causes-${stage.chosen()}-${comparison.chosen()}`.toLowerCase().replaceAll(/[^a-z_-]+/g, "-"),
      caption: ["What the change is made of", "变化的构成"],
      rows: own,
      columns: shareColumns(split),
      files: shareFiles,
    });
  };
  const offerAndDraw = () => {
    stage.offer();
    comparison.offer();
    draw();
  };
  part("causes", "causes", () => {
    if (!quarters().length) return false;
    offerAndDraw();
    return true;
  });
  for (const each of [stage, comparison]) each.onChange(offerAndDraw);
  inAddress("causes", [stage, comparison]);
})();
