/* Charts of all pages, drawn by Chart.js in the page's own colours, in both languages, readable without seeing them.
   Belongs here: the kinds of series there are and how they look. Not here: any figure.

   A chart is described by
     label       [en, zh]     what it shows, for those who do not see it
     categories  texts or dates along the bottom, or null for a scatter, whose points bring their own x
     format      "number", "money" (whole units), "percent" (0 to 1) or "days"
     isSmall     whether it stands in a card, without legend and with few ticks
     axes        {x: [en, zh], y: [en, zh]} titles of the axes, where they need one
     series      a list of
       {kind: "bar", name, values, colour, stack?}                bars, upon each other where they share a stack
       {kind: "floating", name, values: [[from, to]], colours}    bars between two values: the steps of a waterfall
       {kind: "line", name, values, colour, isDashed?}            a line; null is a gap
       {kind: "band", name, low, high, colour}                    an interval around a line
       {kind: "points", name, points: [{x, y, low?, high?}], colour}   a scatter, with the interval of each point
   where a name is [en, zh] and a colour is the name of a custom property of page.css, like "--block". */
"use strict";
stageproof.charts = (() => {
  const { say, onLanguage, number, compact, locale } = stageproof;
  const drawn = new Map();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const faint = (name) => `color-mix(in srgb, ${colour(name)} 22%, transparent)`;

  const told = (format, value) => {
    if (value === null || value === undefined) return stageproof.NOT_KNOWN;
    if (format === "percent") return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 }).format(value);
    if (format === "days") return say(`${number(value)} days`, `${number(value)} 天`);
    return new Intl.NumberFormat(locale(), { maximumFractionDigits: 0 }).format(value);
  };
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
  const tick = (format) => (value) => (format === "percent" ? told(format, value) : compact(value));

  const dataset = {
    bar: (each) => ({
      type: "bar",
      data: each.values,
      stack: each.stack,
      backgroundColor: colour(each.colour),
      maxBarThickness: 40,
      minBarLength: 0,
    }),
    floating: (each) => ({ type: "bar", data: each.values, backgroundColor: each.colours.map(colour), maxBarThickness: 64 }),
    line: (each) => ({
      type: "line",
      data: each.values,
      borderColor: colour(each.colour),
      backgroundColor: colour(each.colour),
      borderWidth: 2,
      borderDash: each.isDashed ? [5, 4] : [],
      pointRadius: each.values.length === 1 ? 3 : 0,
      pointHitRadius: 12,
      tension: 0,
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
      { ...edge, data: each.low, isEdge: true },
      { ...edge, data: each.high, fill: "-1" },
    ];
  };
  const datasets = (series) =>
    series.flatMap((each) => {
      const made = each.kind === "band" ? band(each) : [dataset[each.kind](each)];
      return made.map((one) => ({ ...one, label: say(...each.name), described: each }));
    });

  /* The interval of each point of a scatter, which Chart.js has no drawing for. */
  const intervals = {
    id: "intervals",
    beforeDatasetsDraw(chart) {
      const { ctx, scales } = chart;
      for (const { described, data } of chart.data.datasets) {
        if (described?.kind !== "points") continue;
        ctx.save();
        ctx.strokeStyle = colour(described.colour);
        ctx.lineWidth = 1;
        for (const point of data) {
          if (point.low === undefined || point.high === undefined) continue;
          const x = scales.x.getPixelForValue(point.x);
          ctx.beginPath();
          ctx.moveTo(x, scales.y.getPixelForValue(point.low));
          ctx.lineTo(x, scales.y.getPixelForValue(point.high));
          ctx.stroke();
        }
        ctx.restore();
      }
    },
  };

  const axis = (description, name, more) => ({
    border: { display: false },
    title: description.axes?.[name]
      ? { display: true, text: say(...description.axes[name]), color: colour("--soft") }
      : { display: false },
    ...more,
  });
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
      interaction: { mode: description.categories ? "index" : "nearest", intersect: false },
      layout: { padding: 0 },
      scales: {
        x: axis(description, "x", {
          type: description.categories ? "category" : "linear",
          stacked: isStacked,
          grid: { display: false },
          ticks: { ...ticks, maxTicksLimit: isSmall ? 3 : 12 },
          ...(isSmall && description.categories ? ends(description, ticks) : {}),
        }),
        y: axis(description, "y", {
          beginAtZero: format !== "percent" || undefined,
          min: format === "percent" ? 0 : undefined,
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
          labels: { color: colour("--ink"), font, boxWidth: 12, boxHeight: 12, filter: (item, all) => !all.datasets[item.datasetIndex].isEdge },
        },
        tooltip: {
          backgroundColor: colour("--ink"),
          titleColor: colour("--paper"),
          bodyColor: colour("--paper"),
          titleFont: { ...font, size: 12 },
          bodyFont: { ...font, size: 12 },
          displayColors: description.series.length > 1,
          filter: (item) => !item.dataset.isEdge,
          callbacks: { label: (item) => `${item.dataset.label}: ${value(format, item)}` },
        },
      },
    };
  };
  const value = (format, { dataset: { described }, dataIndex, raw }) => {
    if (described.kind === "floating") return told(format, raw[1] - raw[0]);
    if (described.kind === "band") return `${told(format, described.low[dataIndex])} – ${told(format, described.high[dataIndex])}`;
    return told(format, described.kind === "points" ? raw.y : raw);
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
  const draw = (canvas, description) => {
    drawn.set(canvas, { description });
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
