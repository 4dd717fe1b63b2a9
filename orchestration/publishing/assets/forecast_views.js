/* What the parts of the forecast page share: which funnel is shown, choices above a chart, plain tables, figures.
   Belongs here: what more than one part needs. Not here: any part (forecast_*.js), any figure (forecast_page/). */
"use strict";
stageproof.forecast = (() => {
  const { data, el, say, money, locale, onLanguage, onTab, onAlways, write } = stageproof;
  const { tables } = stageproof.review;

  // Views: all funnels together, or one of them

  let view = 0;
  const listeners = [];
  const buttons = [...document.querySelectorAll("button[data-to-view]")];
  /* Calls back when another funnel is shown. */
  const onView = (callback) => listeners.push(callback);
  const show = (place) => {
    view = place;
    for (const each of document.querySelectorAll(".view[data-view]")) each.hidden = Number(each.dataset.view) !== place;
    for (const button of buttons) button.setAttribute("aria-pressed", String(Number(button.dataset.toView) === place));
    for (const callback of listeners) callback();
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      show(Number(button.dataset.toView));
      write();
    });
  }
  onAlways(
    "funnel",
    () => (view ? data.views[view].key : null),
    (key) => {
      const place = data.views.findIndex((each) => each.key === key);
      if (place >= 0 && place !== view) show(place);
    },
  );
  /* Rows of a table that belong to the funnel shown. */
  const ofView = (from) => {
    const found = [];
    for (let row = 0; row < from.rows; row += 1) if (from.at("view", row) === view) found.push(row);
    return found;
  };

  // Parts that are drawn when they can be seen

  const parts = [];
  /* `fill` draws a part and says whether it had anything to draw; where not, the sentence that says so is shown. A part
     that has no such sentence stands beside one that says it. */
  const part = (name, tab, fill) => {
    const host = document.querySelector(`[data-part="${name}"]`);
    const empty = document.querySelector(`[data-empty="${name}"]`);
    parts.push({
      tab,
      draw: () => {
        // A chart can only be laid out where it is visible.
        host.hidden = false;
        const isFilled = fill();
        host.hidden = !isFilled;
        if (empty) empty.hidden = isFilled;
      },
    });
  };
  const drawTab = () => {
    for (const each of parts) if (each.tab === stageproof.tab()) each.draw();
  };
  onView(drawTab);
  onLanguage(() => {
    if (stageproof.tab()) drawTab();
  });

  // Choices above a chart

  /* A list to choose from. `options` gives [{key, label}] for the funnel and language of the moment. */
  const picker = (host, { key, label, options, initial }) => {
    const box = el("select", { class: "sort", "data-picker": key });
    const words = el("span");
    host.append(el("label", {}, words, box));
    let chosen = null;
    const changed = [];
    box.addEventListener("change", () => {
      chosen = box.value;
      for (const callback of changed) callback();
      write();
    });
    return {
      key,
      onChange: (callback) => changed.push(callback),
      /* Offers what there is; keeps the choice where it still is among it. */
      offer: () => {
        const offered = options();
        words.textContent = say(...label);
        box.replaceChildren(...offered.map((each) => el("option", { value: each.key }, each.label)));
        if (!offered.some((each) => each.key === chosen)) chosen = initial?.(offered) ?? offered[0]?.key ?? null;
        box.value = chosen ?? "";
        return chosen;
      },
      choose: (wanted) => {
        chosen = wanted;
      },
      chosen: () => chosen,
    };
  };
  /* The choices of a tab stand in its address. */
  const inAddress = (tab, pickers) => {
    stageproof.onState(tab, () => {
      const state = new URLSearchParams();
      for (const each of pickers) if (each.chosen() !== null) state.set(each.key, each.chosen());
      return state;
    });
    onTab((opened, state) => {
      if (opened !== tab) return;
      for (const each of pickers) if (state.has(each.key)) each.choose(state.get(each.key));
    });
  };

  // Figures and tables

  const percent = (share, places = 0) =>
    share === null || share === undefined ? stageproof.NOT_KNOWN : new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: places }).format(share);
  /* A chance is told to the whole per cent, and one that is not nothing is never told as nothing. */
  const chance = (share) => (share !== null && share !== undefined && share > 0 && share < 0.005 ? `<${percent(0.01)}` : percent(share));
  const units = (cents) => (cents === null ? null : Number(cents) / 100);
  const signed = (cents) => (cents === null ? stageproof.NOT_KNOWN : cents > 0n ? `+${money(cents)}` : money(cents));
  const interval = (low, high) => (low === null || high === null || low === high ? stageproof.NOT_KNOWN : `${money(low)} – ${money(high)}`);
  /* columns: [{title: [en, zh], cell(row): node or text, isEnd?, isHead?}] */
  const plainTable = (host, caption, columns, rows, classOf = () => null) => {
    const head = el("tr", {}, ...columns.map((each) => el("th", { scope: "col", class: each.isEnd ? "n" : null }, say(...each.title))));
    const body = rows.map((row) =>
      el(
        "tr",
        { class: classOf(row) },
        ...columns.map((each) => el(each.isHead ? "th" : "td", { scope: each.isHead ? "row" : null, class: each.isEnd ? "n" : null }, each.cell(row))),
      ),
    );
    host.replaceChildren(el("table", {}, el("caption", { class: "unseen" }, caption), el("thead", {}, head), el("tbody", {}, ...body)));
  };

  // Month by month

  const COLOURS = { won: "--won", open: "--open", new: "--new" };
  part("months", "periods", () => {
    const months = ofView(tables.periods).filter((row) => tables.periods.at("kind", row) === "month");
    const of = (name) => months.map((row) => units(tables.periods.at(name, row)));
    if (!months.length || of("total").every((total) => total === null)) return false;
    const target = of("target");
    stageproof.charts.draw(document.getElementById("chart-months"), {
      label: [
        `What is expected month by month, ${data.currency}: won so far, open deals and new business, with the 80 % interval; the figures stand in the table below`,
        `逐月期望，${data.currency}：已赢单、进行中商机与新增业务，附 80% 区间；数字见下表`,
      ],
      format: "money",
      categories: months.map((row) => tables.periods.at("label", row)),
      series: [
        { kind: "bar", name: ["Won so far", "已赢单"], values: of("won"), colour: COLOURS.won, stack: "total" },
        { kind: "bar", name: ["Open deals", "进行中商机"], values: of("open"), colour: COLOURS.open, ground: "--open-ground", stack: "total" },
        { kind: "bar", name: ["New business", "新增业务"], values: of("new"), colour: COLOURS.new, ground: "--new-ground", isDotted: true, stack: "total" },
        { kind: "marks", name: ["Expected, 80 % interval", "期望与 80% 区间"], values: of("total"), low: of("low"), high: of("high"), colour: "--interval" },
        ...(target.some((each) => each !== null) ? [{ kind: "marks", name: ["Target", "目标"], values: target, colour: "--target", shape: "line" }] : []),
      ],
    });
    return true;
  });

  return { view: () => view, onView, ofView, part, drawTab, picker, inAddress, percent, chance, units, signed, interval, plainTable };
})();
