/* The funnel stage by stage, and what it would bring to mend each. */
"use strict";
(() => {
  const { data, el, say, money, number } = stageproof;
  const { tables, named } = stageproof.review;
  const { ofView, part, picker, inAddress, percent, listed } = stageproof.views;
  const { range, days, below, short, meter, stageName, stageText } = stageproof.insights;
  const { steps, bottlenecks, stages } = tables;

  const at = (name, row) => steps.at(name, row);
  const sum = (rows, of) => Math.max(1, ...rows.map(of));
  /* Deals that reached a stage, as long as they are of the most; what became of them, end to end. */
  const became = (row, most) => {
    const bar = el("span", { class: "became", "aria-hidden": "true" });
    for (const name of ["advanced", "still_open", "lost"]) {
      const piece = el("span", { class: name });
      piece.style.inlineSize = `${(100 * at(name, row)) / most}%`;
      bar.append(piece);
    }
    return el("div", {}, bar, below(say(`${number(at("advanced", row))} went on · ${number(at("still_open", row))} open · ${number(at("lost", row))} lost`, `推进 ${number(at("advanced", row))} · 进行中 ${number(at("still_open", row))} · 流失 ${number(at("lost", row))}`)));
  };
  const openLink = (row) => {
    const stage = at("stage", row);
    const count = at("open_deals", row);
    const label = say(`${number(count)} ${count === 1 ? "deal" : "deals"}`, `${number(count)} 个商机`);
    if (!count) return label;
    return el("a", { href: `forecast.html#deals?stage=${encodeURIComponent(`${stages.at("funnel_en", stage)}/${stages.at("name_en", stage)}`)}` }, label);
  };
  part("steps", "funnel", () => {
    const rows = ofView(steps);
    if (!rows.length) return false;
    const most = sum(rows, (row) => at("reached", row));
    listed(document.getElementById("steps-table"), {
      name: "funnel",
      caption: ["The funnel stage by stage", "各阶段漏斗"],
      rows,
      columns: [
        { title: ["Stage", "阶段"], isHead: true, cell: (row) => stageName(at("stage", row)) },
        { title: ["Reached it", "到达"], isEnd: true, cell: (row) => number(at("reached", row)) },
        { title: ["What became of them", "去向"], cell: (row) => became(row, most) },
        { title: ["Goes on, expected", "预期推进率"], isEnd: true, cell: (row) => el("span", {}, el("strong", {}, percent(at("expected", row))), at("is_short", row) ? short() : at("undecided", row) >= 0.005 ? below(say(`no word on ${percent(at("undecided", row))}`, `${percent(at("undecided", row))} 未定`)) : below(`n ${number(at("n_expected", row))}`)) },
        { title: ["To date, 95 % interval", "至今，95% 区间"], isEnd: true, cell: (row) => el("span", {}, percent(at("to_date", row)), below(range(at("low", row), at("high", row)))) },
        { title: ["Half leave within, days", "半数离开，天"], isEnd: true, cell: (row) => el("span", {}, days(at("p50_days", row)), below(say(`of ${number(at("visits", row))} stays`, `${number(at("visits", row))} 次停留`))) },
        { title: ["Four in five, days", "八成离开，天"], isEnd: true, cell: (row) => days(at("p80_days", row)) },
        { title: [`Open now, ${data.currency}`, `进行中，${data.currency}`], isEnd: true, cell: (row) => el("span", {}, openLink(row), below(money(at("open_amount", row)))) },
      ],
      files: [
        { title: ["Stage", "阶段"], kind: "text", value: (row) => stageText(at("stage", row)) },
        ...[
          ["reached", "Reached", "到达"],
          ["visited", "Visited", "停留过"],
          ["skipped", "Skipped", "跳过"],
          ["advanced", "Went on", "推进"],
          ["still_open", "Open, no further yet", "进行中，尚未推进"],
          ["lost", "Lost", "流失"],
          ["expected", "Conversion expected", "预期转化率"],
          ["undecided", "No word yet, share", "未定占比"],
          ["n_expected", "Deals of the expectation", "预期所依据商机数"],
          ["to_date", "Conversion to date", "至今转化率"],
          ["low", "Lower end, 95 %", "95% 区间下限"],
          ["high", "Upper end, 95 %", "95% 区间上限"],
          ["within_90d", "Conversion within 90 days", "90 天内转化率"],
          ["n_90d", "Deals with 90 days", "满 90 天商机数"],
          ["visits", "Stays", "停留次数"],
          ["ongoing", "Stays that go on", "进行中停留"],
          ["p50_days", "Dwell p50, days", "停留 p50（天）"],
          ["p80_days", "Dwell p80, days", "停留 p80（天）"],
          ["open_deals", "Open deals", "进行中商机"],
        ].map(([name, en, zh]) => ({ title: [en, zh], kind: "number", value: (row) => at(name, row) })),
        { title: [`Open amount, ${data.currency}`, `进行中金额，${data.currency}`], kind: "money", value: (row) => at("open_amount", row) },
      ],
    });
    return true;
  });

  // Bottlenecks

  const mended = (name, row) => bottlenecks.at(name, row);
  const segment = picker(document.getElementById("bottleneck-pickers"), {
    key: "by",
    label: ["Best quartile of", "最佳四分之一，按"],
    options: () => [...new Set(ofView(bottlenecks).map((row) => mended("compared_by", row)))].map((key) => ({ key, label: named(data.names.segments, key) })),
    initial: (offered) => (offered.find(({ key }) => ofView(bottlenecks).some((row) => mended("compared_by", row) === key && !mended("is_short", row))) ?? offered[0])?.key,
  });
  const draw = () => {
    const chosen = segment.offer();
    const rows = ofView(bottlenecks).filter((row) => mended("compared_by", row) === chosen);
    const most = rows.reduce((found, row) => (mended("amount", row) !== null && mended("amount", row) > found ? mended("amount", row) : found), 1n);
    const unit = rows.length ? mended("window_days", rows[0]) : null;
    const started = rows.length ? mended("started", rows[0]) : null;
    document.getElementById("bottleneck-note").textContent =
      unit === null ? "" : say(`Of the ${number(started)} deals created in the last ${number(unit)} days. Gains of several stages do not add up.`, `按最近 ${number(unit)} 天创建的 ${number(started)} 个商机计算；各阶段收益不可相加。`);
    listed(document.getElementById("bottleneck-table"), {
      name: `bottlenecks-${chosen}`,
      caption: ["What mending a stage would bring", "改进各阶段的收益"],
      rows,
      columns: [
        { title: ["Stage", "阶段"], isHead: true, cell: (row) => el("span", {}, mended("rank_amount", row) === null ? "" : el("span", { class: "rank" }, number(mended("rank_amount", row))), stageName(mended("stage", row)), mended("is_short", row) ? short() : "") },
        { title: [`Won more, ${data.currency}`, `可多赢单，${data.currency}`], isEnd: true, cell: (row) => el("span", { class: "with-meter" }, el("strong", {}, money(mended("amount", row))), meter(mended("amount", row) === null ? 0 : Number(mended("amount", row)) / Number(most))) },
        { title: ["Deals", "商机数"], isEnd: true, cell: (row) => days(mended("deals", row)) },
        { title: ["Days spared a deal", "每商机节省天数"], isEnd: true, cell: (row) => el("span", {}, days(mended("days", row)), mended("rank_days", row) === 1 ? below(say("saves most", "节省最多")) : "") },
        { title: ["Stays that go on now, 95 % interval", "当前推进占比，95% 区间"], isEnd: true, cell: (row) => el("span", {}, percent(mended("share", row)), below(range(mended("low", row), mended("high", row)), ` · n ${number(mended("n", row))}`)) },
        { title: ["In the best quartile", "最佳四分之一"], isEnd: true, cell: (row) => percent(mended("target", row)) },
        { title: ["Mean days, now and best", "平均天数：当前与最佳"], isEnd: true, cell: (row) => `${days(mended("mean_days", row))} → ${days(mended("target_days", row))}` },
        { title: ["Compared", "参与比较"], isEnd: true, cell: (row) => el("span", {}, number(mended("values", row)), below(named(data.names.segments, chosen))) },
      ],
      files: [
        { title: ["Compared by", "比较依据"], kind: "text", value: (row) => named(data.names.segments, mended("compared_by", row)) },
        { title: ["Stage", "阶段"], kind: "text", value: (row) => stageText(mended("stage", row)) },
        { title: ["Rank by amount", "金额排名"], kind: "number", value: (row) => mended("rank_amount", row) },
        { title: [`Won more, ${data.currency}`, `可多赢单，${data.currency}`], kind: "money", value: (row) => mended("amount", row) },
        ...[
          ["deals", "Deals won more", "可多赢单数"],
          ["rank_days", "Rank by days", "天数排名"],
          ["days", "Days spared a deal", "每商机节省天数"],
          ["share", "Share that goes on", "推进占比"],
          ["low", "Lower end, 95 %", "95% 区间下限"],
          ["high", "Upper end, 95 %", "95% 区间上限"],
          ["target", "Share in the best quartile", "最佳四分之一推进占比"],
          ["mean_days", "Mean days", "平均天数"],
          ["target_days", "Mean days in the best quartile", "最佳四分之一平均天数"],
          ["n", "Completed stays", "已结束停留"],
          ["values", "Values compared", "参与比较数"],
        ].map(([name, en, zh]) => ({ title: [en, zh], kind: "number", value: (row) => mended(name, row) })),
      ],
    });
  };
  part("bottlenecks", "funnel", () => {
    if (!ofView(bottlenecks).length) return false;
    draw();
    return true;
  });
  segment.onChange(draw);
  inAddress("funnel", [segment]);
})();
