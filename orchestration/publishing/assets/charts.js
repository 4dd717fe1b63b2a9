/* Charts of all pages, drawn by Chart.js in the page's own colours, in both languages, readable without seeing them.
   Belongs here: the kinds of series there are and how they look. Not here: any figure.

   A chart is described by
     label       [en, zh]     what it shows, for those who do not see it
     categories  texts or dates along the bottom, or null for a scatter, whose points bring their own x, and where
                 each series brings its own dates
     format      "number", "money" (whole units), "percent" (0 to 1), "hundredths" (per cent, of which parts are told by
                 labels) or "days"
     isSmall     whether it stands in a card, without legend and with few ticks
     isZoomed    whether the axis need not begin at zero, because nothing is told by the length of a bar
     floor       where the axis begins that is neither zero nor left to the chart; say so beside it
     axes        {x: [en, zh], y: [en, zh]} titles of the axes, where they need one
     series      a list of
       {kind: "bar", name, values, colour, stack?, ground?, isDotted?}   bars, upon each other where they share a stack; on
                                                                  a `ground` they are hatched or dotted, for those who do
                                                                  not tell colours apart
       {kind: "floating", name, values: [[from, to]], colours, labels?, tops?}  bars between two values: the steps of a
                                                                  waterfall; a label stands above its bar, or its top
       {kind: "line", name, values, colour, isDashed?}            a line; null is a gap
       {kind: "band", name, low, high, colour}                    an interval around a line
       {kind: "marks", name, values, low?, high?, colour, shape?}      a mark at each value, with its interval; of the
                                                                  shape "none" the interval alone
       {kind: "points", name, points: [{x, y, low?, high?, label?}], colour}   a scatter, with the interval of each point
       {kind: "path", name, points: [{x, y}], colour, isDashed?}       a line through a scatter
   where a name is [en, zh] and a colour is the name of a custom property of page.css, like "--block". A line, a band and
   marks may bring `days`, one ISO date for each of their values: then the bottom is time, and gaps in it are gaps. */
"use strict";
stageproof.charts = (() => {
  const { say, onLanguage, number, compact, locale } = stageproof;
  const drawn = new Map();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const faint = (name) => `color-mix(in srgb, ${colour(name)} 22%, transparent)`;

  const told = (format, value) => {
    if (value === null || value === undefined) return stageproof.NOT_KNOWN;
    if (format === "percent") return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 }).format(value);
    if (format === "hundredths") return told("percent", value / 100);
    if (format === "days") return say(`${number(value)} days`, `${number(value)} 天`);
    return new Intl.NumberFormat(locale(), { maximumFractionDigits: 0 }).format(value);
  };
  /* Every step of a waterfall has its name, on lines as short as its words allow. */
  const LINE = 12;
  const wrapped = (text) =>
    text.split(" ").reduce((lines, word) => {
      const last = lines.at(-1);
      return last !== undefined && `${last} ${word}`.length <= LINE ? [...lines.slice(0, -1), `${last} ${word}`] : [...lines, word];
    }, []);
  const named = ({ categories }) => ({ autoSkip: false, maxRotation: 75, callback: (place) => wrapped(categories[place]) });
  /* In a card the first and the last night say enough, and the year goes without saying. */
  const ends = ({ categories }, ticks) => ({
    afterBuildTicks: (axis) => {
      axis.ticks = axis.ticks.filter((_, place, all) => place === 0 || place === all.length - 1);
    },
    ticks: {
      ...ticks,
      autoSkip: false,
      align: categories.length > 2 ? "inner" : "center",
      callback: (place) => categories[place].replace(/^\d{4}-(?=\d\d-\d\d$)/, ""),
    },
  });
  const DAY = 86400000;
  const dayOf = (iso) => Date.parse(`${iso}T00:00:00Z`) / DAY;
  const isoOf = (day) => new Date(Math.round(day) * DAY).toISOString().slice(0, 10);
  const isTimed = ({ series }) => series.some((each) => each.days);
  const placed = (each, values) => (each.days ? values.map((value, place) => ({ x: dayOf(each.days[place]), y: value })) : values);
  /* Firsts of months, not every seventh of a month as numbers would have it. */
  const months = {
    afterBuildTicks: (axis) => {
      const firsts = [];
      const at = new Date(axis.min * DAY);
      for (let month = at.getUTCMonth(); firsts.length < 600; month += 1) {
        const first = Date.UTC(at.getUTCFullYear(), month, 1) / DAY;
        if (first > axis.max) break;
        if (first >= axis.min) firsts.push({ value: first });
      }
      const step = Math.ceil(firsts.length / 8);
      axis.ticks = firsts.length > 1 ? firsts.filter((_, place) => place % step === 0) : [{ value: axis.min }, { value: axis.max }];
    },
  };
  const tick = (format) => (value) => (format === "percent" || format === "hundredths" ? told(format, value) : compact(value));

  const patterned = ({ colour: ink, ground, isDotted }) => {
    const tile = document.createElement("canvas");
    tile.width = 8;
    tile.height = 8;
    const context = tile.getContext("2d");
    context.fillStyle = colour(ground);
    context.fillRect(0, 0, 8, 8);
    context.fillStyle = colour(ink);
    context.strokeStyle = colour(ink);
    context.lineWidth = 2.5;
    context.beginPath();
    if (isDotted) context.arc(4, 4, 1.25, 0, 2 * Math.PI);
    else {
      for (const offset of [-8, 0, 8]) {
        context.moveTo(offset - 2, 10);
        context.lineTo(offset + 10, -2);
      }
    }
    if (isDotted) context.fill();
    else context.stroke();
    return context.createPattern(tile, "repeat");
  };
  const dataset = {
    bar: (each) => ({
      type: "bar",
      data: each.values,
      stack: each.stack,
      backgroundColor: each.ground ? patterned(each) : colour(each.colour),
      borderColor: colour(each.colour),
      borderWidth: each.ground ? 1 : 0,
      maxBarThickness: 40,
      minBarLength: 0,
    }),
    floating: (each) => ({ type: "bar", data: each.values, backgroundColor: each.colours.map(colour), maxBarThickness: 64, minBarLength: 2 }),
    line: (each) => ({
      type: "line",
      data: placed(each, each.values),
      // In a stack of bars a line stands for itself.
      stack: each.name[0],
      borderColor: colour(each.colour),
      backgroundColor: colour(each.colour),
      borderWidth: 2,
      borderDash: each.isDashed ? [5, 4] : [],
      pointRadius: each.values.length === 1 || each.hasPoints ? 3 : 0,
      pointHitRadius: 12,
      tension: 0,
    }),
    marks: (each) => ({
      type: "line",
      data: placed(each, each.values),
      stack: each.name[0],
      showLine: false,
      borderColor: colour(each.colour),
      backgroundColor: colour(each.colour),
      borderWidth: 2,
      pointStyle: each.shape === "none" ? "line" : (each.shape ?? "circle"),
      pointRadius: { line: 14, none: 0 }[each.shape] ?? 5,
      pointHoverRadius: each.shape === "line" ? 14 : 6,
      pointHitRadius: 12,
    }),
    path: (each) => ({
      type: "scatter",
      data: each.points,
      showLine: true,
      borderColor: colour(each.colour),
      backgroundColor: colour(each.colour),
      borderWidth: 1.5,
      borderDash: each.isDashed ? [5, 4] : [],
      pointRadius: 0,
      pointHitRadius: 0,
    }),
    points: (each) => ({
      type: "scatter",
      data: each.points,
      backgroundColor: colour(each.colour),
      borderColor: colour(each.colour),
      pointRadius: 4,
    }),
  };
  /* A band is two lines without ink, the space between them filled. */
  const band = (each) => {
    const edge = { type: "line", borderWidth: 0, pointRadius: 0, pointHitRadius: 0, backgroundColor: faint(each.colour) };
    return [
      { ...edge, data: placed(each, each.low), stack: `${each.name[0]} low`, isEdge: true },
      { ...edge, data: placed(each, each.high), stack: `${each.name[0]} high`, fill: "-1" },
    ];
  };
  // What says something of a bar lies over it.
  const ORDER = { marks: 0, points: 0, line: 1, path: 1, bar: 2, floating: 2, band: 3 };
  const datasets = (series) =>
    series.flatMap((each) => {
      const made = each.kind === "band" ? band(each) : [dataset[each.kind](each)];
      return made.map((one) => ({ ...one, order: each.shape ? -1 : ORDER[each.kind], label: say(...each.name), described: each }));
    });

  /* The intervals of points and marks, and the labels of points, which Chart.js has no drawing for. */
  const shownOf = (chart, kind) => chart.data.datasets.filter(({ described }, place) => described?.kind === kind && chart.isDatasetVisible(place));
  const whiskers = ({ ctx, scales }, { described, data }, { width, cap }) => {
    ctx.save();
    ctx.strokeStyle = colour(described.colour);
    ctx.lineWidth = width;
    for (const [place, point] of data.entries()) {
      const [low, high] = described.kind === "points" ? [point.low, point.high] : [described.low?.[place], described.high?.[place]];
      if ((low ?? null) === null || (high ?? null) === null) continue;
      const x = scales.x.getPixelForValue(point?.x ?? place);
      ctx.beginPath();
      ctx.moveTo(x, scales.y.getPixelForValue(low));
      ctx.lineTo(x, scales.y.getPixelForValue(high));
      for (const end of [low, high]) {
        ctx.moveTo(x - cap, scales.y.getPixelForValue(end));
        ctx.lineTo(x + cap, scales.y.getPixelForValue(end));
      }
      ctx.stroke();
    }
    ctx.restore();
  };
  const labels = ({ ctx, scales, chartArea }, { data }) => {
    ctx.save();
    ctx.fillStyle = colour("--soft");
    ctx.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    ctx.textBaseline = "middle";
    const taken = [];
    // From the right, where points are far apart; a label that would lie on another is left to the table.
    for (const { x, y, label } of [...data].reverse()) {
      if (!label) continue;
      const { width } = ctx.measureText(label);
      const [point, middle] = [scales.x.getPixelForValue(x), scales.y.getPixelForValue(y) + 8];
      const from = point + 8 + width > chartArea.right ? point - 8 - width : point + 8;
      if (taken.some((each) => from < each.to && from + width > each.from && Math.abs(middle - each.middle) < 13)) continue;
      taken.push({ from, to: from + width, middle });
      ctx.fillText(label, from, middle);
    }
    ctx.restore();
  };
  /* Where each step of a waterfall begins, and what it is, above it, where there is room for all of them. */
  const steps = ({ ctx, scales }, { described, data }) => {
    if (!described.labels) return;
    ctx.save();
    ctx.strokeStyle = colour("--soft");
    ctx.lineWidth = 1;
    ctx.setLineDash([2, 3]);
    ctx.beginPath();
    for (const [place, [, to]] of data.slice(0, -1).entries()) {
      ctx.moveTo(scales.x.getPixelForValue(place), scales.y.getPixelForValue(to));
      ctx.lineTo(scales.x.getPixelForValue(place + 1), scales.y.getPixelForValue(to));
    }
    ctx.globalCompositeOperation = "destination-over";
    ctx.stroke();
    ctx.globalCompositeOperation = "source-over";
    ctx.fillStyle = colour("--ink");
    ctx.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "bottom";
    const room = scales.x.width / data.length - 4;
    if (described.labels.every((label) => ctx.measureText(label).width <= room)) {
      for (const [place, ends] of data.entries()) {
        ctx.fillText(described.labels[place], scales.x.getPixelForValue(place), scales.y.getPixelForValue(described.tops?.[place] ?? Math.max(...ends)) - 3);
      }
    }
    ctx.restore();
  };
  const intervals = {
    id: "intervals",
    beforeDatasetsDraw(chart) {
      for (const each of shownOf(chart, "points")) whiskers(chart, each, { width: 1, cap: 0 });
    },
    afterDatasetsDraw(chart) {
      // Over the bars that they say something of.
      for (const each of shownOf(chart, "marks")) whiskers(chart, each, { width: 2, cap: 5 });
      for (const each of shownOf(chart, "points")) labels(chart, each);
      for (const each of shownOf(chart, "floating")) steps(chart, each);
    },
  };

  const axis = (description, name, more) => ({
    border: { display: false },
    title: description.axes?.[name]
      ? { display: true, text: say(...description.axes[name]), color: colour("--soft") }
      : { display: false },
    ...more,
  });
  /* A key looks like what it is the key of. */
  const keys = (chart) =>
    Chart.defaults.plugins.legend.labels
      .generateLabels(chart)
      .sort((one, other) => one.datasetIndex - other.datasetIndex)
      .map((item) => {
        const { described } = chart.data.datasets[item.datasetIndex];
        const shape = described.shape === "none" ? "line" : (described.shape ?? "circle");
        const style = { line: "line", path: "line", marks: shape, points: "circle" }[described.kind] ?? "rect";
        return { ...item, pointStyle: style, lineWidth: style === "line" ? 2 : item.lineWidth };
      });
  const extreme = (of, { series, format }, name) => {
    const ends = series.flatMap((each) => each[name] ?? []).filter((end) => end !== null && end !== undefined);
    return format !== "percent" && ends.length ? of(...ends) : undefined;
  };
  const options = (description) => {
    const { format, isSmall } = description;
    const isStacked = description.series.some((each) => each.stack);
    const font = { family: getComputedStyle(document.body).fontFamily, size: isSmall ? 11 : 12 };
    const ticks = { color: colour("--soft"), font, maxRotation: 0, autoSkip: true, autoSkipPadding: 16 };
    return {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      // Paper is finer than any screen.
      devicePixelRatio: Math.max(2, devicePixelRatio),
      locale: locale(),
      interaction: { mode: description.categories ? "index" : "nearest", axis: isTimed(description) ? "x" : undefined, intersect: false },
      layout: { padding: 0 },
      scales: {
        x: axis(description, "x", {
          offset: Boolean(description.categories) && description.series.some((each) => ["bar", "floating", "marks"].includes(each.kind)),
          type: description.categories ? "category" : "linear",
          stacked: isStacked,
          grid: { display: false },
          ticks: { ...ticks, maxTicksLimit: isSmall ? 3 : 12, ...(description.series.some((each) => each.labels) ? named(description) : {}), ...(isTimed(description) ? { callback: isoOf } : {}), ...(description.categories || isTimed(description) ? {} : { callback: tick(format) }) },
          ...(description.categories || isTimed(description) ? {} : { min: format === "percent" ? 0 : undefined, max: format === "percent" ? 1 : undefined }),
          ...(isTimed(description) ? months : {}),
          ...(isSmall && description.categories ? ends(description, ticks) : {}),
        }),
        y: axis(description, "y", {
          beginAtZero: (format !== "percent" && !description.isZoomed) || undefined,
          // What stands at the very top would be cut.
          grace: isSmall || format === "percent" ? undefined : "5%",
          min: format === "percent" ? 0 : description.floor,
          // Whiskers are no data to Chart.js, and would be cut.
          suggestedMin: extreme(Math.min, description, "low"),
          suggestedMax: extreme(Math.max, description, "high"),
          max: format === "percent" ? 1 : undefined,
          stacked: isStacked,
          grid: { color: colour("--line") },
          ticks: { ...ticks, maxTicksLimit: isSmall ? 3 : 7, callback: tick(format), precision: format === "number" ? 0 : undefined },
        }),
      },
      plugins: {
        legend: {
          display: !isSmall && description.series.length > 1,
          align: "start",
          labels: { color: colour("--ink"), font, boxWidth: 12, boxHeight: 9, usePointStyle: true, generateLabels: keys, filter: (item, all) => !all.datasets[item.datasetIndex].isEdge },
        },
        tooltip: {
          backgroundColor: colour("--ink"),
          titleColor: colour("--paper"),
          bodyColor: colour("--paper"),
          titleFont: { ...font, size: 12 },
          bodyFont: { ...font, size: 12 },
          displayColors: description.series.length > 1,
          filter: (item) => !item.dataset.isEdge,
          callbacks: { title: (items) => (isTimed(description) && items.length ? isoOf(items[0].parsed.x) : undefined), label: (item) => `${item.dataset.label}: ${value(format, item)}` },
        },
      },
    };
  };
  const value = (format, { dataset: { described }, dataIndex, raw }) => {
    // Where an axis does not begin at zero, the length of the first bar tells nothing.
    if (described.kind === "floating") return described.labels?.[dataIndex] ?? told(format, raw[1] - raw[0]);
    if (described.kind === "band") return `${told(format, described.low[dataIndex])} – ${told(format, described.high[dataIndex])}`;
    const said = told(format, raw !== null && typeof raw === "object" ? raw.y : raw);
    const [low, high] = described.kind === "points" ? [raw.low, raw.high] : [described.low?.[dataIndex], described.high?.[dataIndex]];
    return low === undefined || low === null ? said : `${said} (${told(format, low)} – ${told(format, high)})`;
  };

  const build = (canvas) => {
    const { description, chart } = drawn.get(canvas);
    chart?.destroy();
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", say(...description.label));
    const made = new Chart(canvas, {
      data: { labels: description.categories ?? [], datasets: datasets(description.series) },
      options: options(description),
      plugins: [intervals],
    });
    drawn.set(canvas, { description, chart: made });
  };
  /* Draws, in the stead of what the canvas held. */
  const draw = (canvas, description) => {
    drawn.set(canvas, { description, chart: drawn.get(canvas)?.chart });
    build(canvas);
  };
  const again = () => {
    for (const canvas of drawn.keys()) build(canvas);
  };
  onLanguage(again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  for (const moment of ["beforeprint", "afterprint"]) {
    addEventListener(moment, () => {
      for (const { chart } of drawn.values()) chart.resize();
    });
  }

  return { draw };
})();
