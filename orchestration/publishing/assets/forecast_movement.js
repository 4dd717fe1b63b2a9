/* What moved the pipeline and what it was expected to bring: a waterfall from opening to closing, and its table. */
"use strict";
(() => {
  const { data, el, say, money, number, charts } = stageproof;
  const { tables } = stageproof.review;
  const { ofView, part, picker, inAddress, units, signed, plainTable } = stageproof.views;

  const { movement } = tables;
  const hosts = document.getElementById("movement-pickers");
  const measure = picker(hosts, {
    key: "measure",
    label: ["What moved", "变动对象"],
    options: () => [...new Set(ofView(movement).map((row) => movement.at("measure", row)))].map((key) => ({ key, label: say(...data.names.measures[key]) })),
  });
  const span = picker(hosts, {
    key: "span",
    label: ["From", "起点"],
    options: () => {
      const found = new Map();
      for (const row of ofMeasure()) found.set(movement.at("span", row), movement.at("opening_night", row));
      return [...found].map(([key, night]) => ({ key, label: say(`${data.names.spans[key][0]} (${night})`, `${data.names.spans[key][1]}（${night}）`) }));
    },
  });
  const ofMeasure = () => ofView(movement).filter((row) => movement.at("measure", row) === measure.chosen());
  const ofSpan = () => ofMeasure().filter((row) => movement.at("span", row) === span.chosen());
  const keyOf = (row) => `${movement.at("kind", row)} ${movement.at("period_start", row) ?? ""}`.trim();
  const periodName = (row) => {
    if (movement.at("kind", row) === "all") return say("All periods together", "全部期间");
    const label = movement.at("label", row);
    if (label !== null) return label;
    return movement.at("kind", row) === "quarter" ? say("No close date or out of the calendar", "无预计成交日期或超出日历") : null;
  };
  const period = picker(hosts, {
    key: "period",
    label: ["Period", "期间"],
    options: () => {
      const found = new Map();
      for (const row of ofSpan()) if (!found.has(keyOf(row)) && periodName(row) !== null) found.set(keyOf(row), periodName(row));
      return [...found].map(([key, label]) => ({ key, label }));
    },
    initial: (offered) => (offered.find(({ label }) => label === data.quarters[0]) ?? offered[0])?.key,
  });
  const INCREASES = "--good";
  const DECREASES = "--block";
  const draw = () => {
    const rows = ofSpan().filter((row) => keyOf(row) === period.chosen());
    const sum = (name) => rows.reduce((total, row) => total + (movement.at(name, row) ?? 0n), 0n);
    const [opening, closing] = [sum("opening"), sum("closing")];
    const moved = rows.filter((row) => movement.at("bucket", row) !== "unchanged" && (movement.at("deals", row) || movement.at("change", row) !== 0n));
    const name = (row) => say(...(data.names.buckets[movement.at("bucket", row)] ?? [movement.at("bucket", row), movement.at("bucket", row)]));
    const steps = moved.filter((row) => movement.at("change", row) !== 0n);
    let at = opening;
    const values = [[0, units(opening)]];
    for (const row of steps) {
      const to = at + movement.at("change", row);
      values.push([units(at), units(to)]);
      at = to;
    }
    values.push([0, units(closing)]);
    // Steps that are small beside what they begin from could not be seen on an axis from zero.
    const ends = [units(opening), ...values.slice(1, -1).flat(), units(closing)];
    const [lowest, highest] = [Math.min(...ends), Math.max(...ends)];
    const isCut = lowest > 0.5 * highest && highest > lowest;
    const digit = 10 ** Math.floor(Math.log10(Math.max(1, highest - lowest)));
    const floor = isCut ? Math.max(0, Math.floor((lowest - 0.5 * (highest - lowest)) / digit) * digit) : undefined;
    const whole = values.map(([from, to], place) => (isCut && (place === 0 || place === values.length - 1) ? [floor, to] : [from, to]));
    document.getElementById("movement-axis").textContent = floor
      ? say(`The axis begins at ${money(BigInt(Math.round(100 * floor)))}, so that the steps can be told apart.`, `坐标轴从 ${money(BigInt(Math.round(100 * floor)))} 开始，以便看清各项变动。`)
      : "";
    const nights = [movement.at("opening_night", rows[0]), data.night];
    document.getElementById("movement-title").replaceChildren(
      say(`${periodName(rows[0])}: from ${money(opening)} to ${money(closing)} ${data.currency}`, `${periodName(rows[0])}：${money(opening)} → ${money(closing)} ${data.currency}`),
      el("span", { class: "soft" }, ` (${signed(closing - opening)})`),
    );
    charts.draw(document.getElementById("chart-movement"), {
      label: [
        `From ${nights[0]} to ${nights[1]}: opening, what changed it, closing; the same stands in the table below`,
        `${nights[0]} 至 ${nights[1]}：期初、各类变动、期末；同样内容见下表`,
      ],
      format: "money",
      floor: floor || undefined,
      categories: [say("Opening", "期初"), ...steps.map(name), say("Closing", "期末")],
      series: [
        {
          kind: "floating",
          name: ["Amount", "金额"],
          values: whole,
          labels: [money(opening), ...steps.map((row) => signed(movement.at("change", row))), money(closing)],
          colours: ["--won", ...steps.map((row) => (movement.at("change", row) > 0n ? INCREASES : DECREASES)), "--won"],
        },
      ],
    });
    const lines = [
      { label: say(`Opening, ${nights[0]}`, `期初 ${nights[0]}`), amount: money(opening), isTotal: true },
      ...moved.map((row) => ({
        label: name(row),
        deals: number(movement.at("deals", row)),
        change: signed(movement.at("change", row)),
        isUp: movement.at("change", row) > 0n,
        isDown: movement.at("change", row) < 0n,
        pushes: movement.at("pushes", row) || null,
        slips: movement.at("slips", row) || null,
      })),
      ...rows.filter((row) => movement.at("bucket", row) === "unchanged").map((row) => ({ label: name(row), deals: number(movement.at("deals", row)), change: signed(movement.at("change", row)) })),
      { label: say(`Closing, ${nights[1]}`, `期末 ${nights[1]}`), amount: money(closing), isTotal: true },
    ];
    plainTable(
      document.getElementById("movement-table"),
      say(`What moved, ${data.currency}`, `变动，${data.currency}`),
      [
        { title: ["What happened", "变动"], isHead: true, cell: (each) => each.label },
        { title: ["Deals", "商机数"], isEnd: true, cell: (each) => each.deals ?? "" },
        { title: [`Change, ${data.currency}`, `变动额，${data.currency}`], isEnd: true, cell: (each) => (each.isUp || each.isDown ? el("span", { class: each.isUp ? "better" : "worse" }, each.change) : (each.change ?? "")) },
        ...(moved.some((row) => movement.at("pushes", row) !== null)
          ? [
              { title: ["Pushes", "推迟次数"], isEnd: true, cell: (each) => (each.pushes ? number(each.pushes) : "") },
              { title: ["Slips out of the period", "滑出期间"], isEnd: true, cell: (each) => (each.slips ? number(each.slips) : "") },
            ]
          : []),
        { title: [`Stands at, ${data.currency}`, `余额，${data.currency}`], isEnd: true, cell: (each) => each.amount ?? "" },
      ],
      lines,
      (each) => (each.isTotal ? "whole" : null),
    );
  };
  const offerAndDraw = () => {
    for (const each of [measure, span, period]) each.offer();
    draw();
  };
  part("movement", "movement", () => {
    if (!ofView(movement).length) return false;
    offerAndDraw();
    return true;
  });
  for (const each of [measure, span, period]) each.onChange(offerAndDraw);
  inAddress("movement", [measure, span, period]);
})();
