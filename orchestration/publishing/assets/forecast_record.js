/* What was said and what came: a line with its band per period, intervals said before periods began, calibration. */
"use strict";
(() => {
  const { data, el, say, money, number, charts, locale } = stageproof;
  const { tables } = stageproof.review;
  const { ofView, part, picker, inAddress, percent, units, interval, plainTable } = stageproof.views;

  const { said, periods, calibration } = tables;
  const KINDS = { quarter: ["Quarters", "季度"], month: ["Months", "月份"] };
  const SOURCES = { night: ["Published night", "每晚发布"], backtest: ["Backtest", "回测"] };
  const AGAIN = ["Published again since", "之后重新发布"];
  const by = (row) => {
    const source = say(...SOURCES[said.at("source", row)]);
    return said.at("is_republished", row) ? `${source}${say(", published again since", "（之后重新发布）")}` : source;
  };

  // What was said of one period, date by date

  const hosts = document.getElementById("said-pickers");
  const ofKind = (kind) => ofView(said).filter((row) => said.at("kind", row) === kind);
  const kind = picker(hosts, {
    key: "kind",
    label: ["Show", "显示"],
    options: () => Object.entries(KINDS).filter(([key]) => ofKind(key).length).map(([key, name]) => ({ key, label: say(...name) })),
  });
  const isOver = (row) => said.at("period_end", row) <= data.night;
  const period = picker(hosts, {
    key: "period",
    label: ["Period", "期间"],
    options: () => {
      const found = new Map();
      for (const row of ofKind(kind.chosen())) found.set(said.at("period_start", row), row);
      return [...found]
        .sort(([one], [other]) => (one < other ? 1 : -1))
        .map(([start, row]) => ({ key: start, label: `${said.at("label", row)}${isOver(row) ? "" : say(" (not over)", "（未结束）")}` }));
    },
    // The running one; where nothing was said of it yet, the last that is over.
    initial: (offered) => (offered.filter(({ key }) => key <= data.night)[0] ?? offered.at(-1))?.key,
  });
  const ofPeriod = () => ofKind(kind.chosen()).filter((row) => said.at("period_start", row) === period.chosen());

  const line = (rows, source, colour, isDashed) => {
    const own = rows.filter((row) => said.at("source", row) === source);
    if (!own.length) return [];
    const of = (name) => own.map((row) => units(said.at(name, row)));
    const days = own.map((row) => said.at("as_of_date", row));
    const [en, zh] = SOURCES[source];
    return [
      { kind: "band", name: [`80 % interval, ${en.toLowerCase()}`, `80% 区间，${zh}`], days, low: of("low"), high: of("high"), colour },
      { kind: "line", name: [en, zh], days, values: of("forecast"), colour, isDashed, hasPoints: isDashed || own.length < 10 },
    ];
  };
  const again = (rows) => {
    const own = rows.filter((row) => said.at("is_republished", row));
    if (!own.length) return [];
    const days = own.map((row) => said.at("as_of_date", row));
    return [{ kind: "marks", name: AGAIN, days, values: own.map((row) => units(said.at("forecast", row))), colour: "--warn", shape: "rectRot" }];
  };
  const level = (name, value, days, colour, isDashed) => ({ kind: "line", name, days: [days[0], days.at(-1)], values: [value, value], colour, isDashed });
  const targetOf = (label) => {
    const row = ofView(periods).find((each) => periods.at("kind", each) === kind.chosen() && periods.at("label", each) === label);
    return row === undefined ? null : units(periods.at("target", row));
  };

  const drawSaid = () => {
    const rows = ofPeriod();
    const label = said.at("label", rows[0]);
    const actual = said.at("actual", rows[0]);
    const target = targetOf(label);
    const days = [...new Set(rows.map((row) => said.at("as_of_date", row)))].sort();
    // A single date is a point and no line; a day on either side makes room for it.
    const ends = days.length > 1 ? days : [days[0], said.at("period_end", rows[0])];
    document.getElementById("said-title").replaceChildren(
      say(`What was said of ${label}`, `对 ${label} 的预测`),
      el("span", { class: "soft" }, actual === null ? say(", which is not over", "（未结束）") : say(`; ${money(actual)} ${data.currency} came`, `，实际 ${money(actual)} ${data.currency}`)),
    );
    charts.draw(document.getElementById("chart-said"), {
      label: [`What was said of ${label} on each date, with its 80 % interval, and what came; the same stands in the table below`, `各日期对 ${label} 的预测、80% 区间与实际；同样内容见下表`],
      format: "money",
      isZoomed: true,
      categories: null,
      series: [
        ...line(rows, "backtest", "--soft", true),
        ...line(rows, "night", "--link", false),
        ...again(rows),
        ...(actual === null ? [] : [level(["Came", "实际"], units(actual), ends, "--good", false)]),
        ...(target === null ? [] : [level(["Target", "目标"], target, ends, "--target", true)]),
      ],
    });
    const times = rows.filter((row) => said.at("is_republished", row)).length;
    const note = document.getElementById("said-again");
    note.hidden = times === 0;
    note.replaceChildren(
      say(
        `${number(times)} of these nights ${times === 1 ? "was" : "were"} published again since with another forecast. What stands here is what ${times === 1 ? "it" : "they"} said first.`,
        `其中 ${number(times)} 晚之后以另一份预测重新发布；此处为其首次发布的预测。`,
      ),
    );
    plainTable(
      document.getElementById("said-table"),
      say(`What was said of ${label}, ${data.currency}`, `对 ${label} 的预测，${data.currency}`),
      [
        { title: ["Said on", "日期"], isHead: true, cell: (row) => said.at("as_of_date", row) },
        { title: ["By", "来源"], cell: by },
        { title: ["Expected", "期望"], isEnd: true, cell: (row) => money(said.at("forecast", row)) },
        { title: ["80 % interval", "80% 区间"], isEnd: true, cell: (row) => interval(said.at("low", row), said.at("high", row)) },
        { title: ["Came", "实际"], isEnd: true, cell: (row) => money(said.at("actual", row)) },
        { title: ["Off by", "偏离"], isEnd: true, cell: (row) => off(row) },
      ],
      [...rows].reverse(),
    );
  };
  const off = (row) => {
    const [forecast, actual] = [said.at("forecast", row), said.at("actual", row)];
    if (actual === null) return stageproof.NOT_KNOWN;
    return actual === 0n ? money(forecast - actual) : `${forecast > actual ? "+" : ""}${percent(Number(forecast - actual) / Math.abs(Number(actual)))}`;
  };

  // What was said last before each period began

  const drawHeld = () => {
    const before = new Map();
    for (const row of ofKind(kind.chosen())) {
      const start = said.at("period_start", row);
      if (said.at("as_of_date", row) >= start || !isOver(row)) continue;
      const known = before.get(start);
      // The last before it began; of one date what a night said, which was said indeed.
      const isLater = known === undefined || said.at("as_of_date", row) > said.at("as_of_date", known);
      if (isLater || (said.at("as_of_date", row) === said.at("as_of_date", known) && said.at("source", row) === "night")) before.set(start, row);
    }
    const rows = [...before].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row).filter((row) => said.at("actual", row) !== null);
    const title = document.getElementById("held-title");
    const host = document.getElementById("chart-held").parentElement;
    const fold = document.getElementById("held-table").parentElement;
    for (const each of [title, host, fold]) each.hidden = !rows.length;
    if (!rows.length) return;
    const isHeld = (row) => said.at("low", row) !== null && said.at("low", row) <= said.at("actual", row) && said.at("actual", row) <= said.at("high", row);
    const held = rows.filter(isHeld).length;
    const of = (name) => rows.map((row) => units(said.at(name, row)));
    title.replaceChildren(
      say("Said before the period began, and what came", "期初预测与实际"),
      el("span", { class: "soft" }, say(`; ${number(held)} of ${number(rows.length)} came within the interval`, `：${number(rows.length)} 个期间中 ${number(held)} 个落在区间内`)),
    );
    charts.draw(document.getElementById("chart-held"), {
      label: [`What was said before each period began, with its 80 % interval, and what came: ${held} of ${rows.length} within it`, `各期间开始前的预测、80% 区间与实际：${rows.length} 个中 ${held} 个落在区间内`],
      format: "money",
      isZoomed: true,
      categories: rows.map((row) => said.at("label", row)),
      series: [
        { kind: "marks", name: ["Said, 80 % interval", "预测与 80% 区间"], values: of("forecast"), low: of("low"), high: of("high"), colour: "--link" },
        { kind: "marks", name: ["Came", "实际"], values: of("actual"), colour: "--good", shape: "rectRot" },
      ],
    });
    plainTable(
      document.getElementById("held-table"),
      say(`Said before the period began, ${data.currency}`, `期初预测，${data.currency}`),
      [
        { title: ["Period", "期间"], isHead: true, cell: (row) => said.at("label", row) },
        { title: ["Said on", "日期"], cell: (row) => said.at("as_of_date", row) },
        { title: ["By", "来源"], cell: by },
        { title: ["Expected", "期望"], isEnd: true, cell: (row) => money(said.at("forecast", row)) },
        { title: ["80 % interval", "80% 区间"], isEnd: true, cell: (row) => interval(said.at("low", row), said.at("high", row)) },
        { title: ["Came", "实际"], isEnd: true, cell: (row) => money(said.at("actual", row)) },
        { title: ["Off by", "偏离"], isEnd: true, cell: (row) => off(row) },
        { title: ["Within the interval", "落在区间内"], cell: (row) => (isHeld(row) ? say("yes", "是") : say("no", "否")) },
      ],
      [...rows].reverse(),
    );
  };

  part("said", "record", () => {
    if (!ofView(said).length) return false;
    kind.offer();
    period.offer();
    drawSaid();
    drawHeld();
    return true;
  });
  kind.onChange(() => {
    period.offer();
    drawSaid();
    drawHeld();
  });
  period.onChange(drawSaid);

  // Calibration

  const question = picker(document.getElementById("calibration-pickers"), {
    key: "question",
    label: ["Chance to be", "概率含义"],
    options: () => {
      const known = new Set(ofView(calibration).filter((row) => calibration.at("bin", row) > 0).map((row) => calibration.at("question", row)));
      return [...known].map((key) => ({ key, label: say(...(data.names.questions[key] ?? [key, key])) }));
    },
    initial: (offered) => (offered.find(({ key }) => key === "running_quarter") ?? offered.at(-1))?.key,
  });
  const drawCalibration = () => {
    const rows = ofView(calibration).filter((row) => calibration.at("question", row) === question.chosen());
    const bins = rows.filter((row) => calibration.at("bin", row) > 0);
    const whole = rows.find((row) => calibration.at("bin", row) === 0);
    const at = (name, row) => calibration.at(name, row);
    charts.draw(document.getElementById("chart-calibration"), {
      label: ["Chances that were given, and the share that came, by tenths of the deals, each with its number of deals; the same stands in the table beside", "给出的概率与实际比例，按商机十等分，附商机数；同样内容见旁边的表格"],
      format: "percent",
      categories: null,
      axes: { x: ["Chance that was given", "给出的概率"], y: ["Share that came", "实际比例"] },
      series: [
        { kind: "path", name: ["Chances hold", "概率准确"], points: [{ x: 0, y: 0 }, { x: 1, y: 1 }], colour: "--soft", isDashed: true },
        {
          kind: "points",
          name: ["Tenths of the deals", "商机十等分"],
          colour: "--link",
          points: bins.map((row) => ({ x: at("mean_chance", row), y: at("observed_share", row), low: at("observed_low", row), high: at("observed_high", row), label: `n ${number(at("n", row))}` })),
        },
      ],
    });
    const verdict = document.getElementById("calibration-verdict");
    const error = whole === undefined ? null : at("ece", whole);
    verdict.replaceChildren(
      error === null ? "" : say(`On average a chance was off by ${points(error)} percentage points`, `平均而言，概率偏离 ${points(error)} 个百分点`),
      error === null ? "" : el("span", { class: "soft" }, say(` over ${number(at("n", whole))} deals and dates.`, `，共 ${number(at("n", whole))} 个“商机 × 日期”。`)),
      whole !== undefined && at("is_insufficient_history", whole) ? el("span", { class: "warn" }, say(" Too few to judge.", "数量太少，难以判断。")) : "",
    );
    plainTable(
      document.getElementById("calibration-table"),
      say("Calibration by tenths of the deals", "按商机十等分的校准"),
      [
        { title: ["Tenth", "分组"], isHead: true, cell: (row) => number(at("bin", row)) },
        { title: ["Deals", "商机数"], isEnd: true, cell: (row) => number(at("n", row)) },
        { title: ["Chance given", "给出概率"], isEnd: true, cell: (row) => percent(at("mean_chance", row), 1) },
        { title: ["Share that came", "实际比例"], isEnd: true, cell: (row) => percent(at("observed_share", row), 1) },
        { title: ["95 % interval", "95% 区间"], isEnd: true, cell: (row) => `${percent(at("observed_low", row))} – ${percent(at("observed_high", row))}` },
      ],
      bins,
    );
  };
  const points = (share) => new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(100 * share);
  part("calibration", "record", () => {
    if (!ofView(calibration).some((row) => calibration.at("bin", row) > 0)) return false;
    question.offer();
    drawCalibration();
    return true;
  });
  question.onChange(drawCalibration);
  inAddress("record", [kind, period, question]);
})();
