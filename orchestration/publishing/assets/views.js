/* What pages with a view for each funnel share: which is shown, parts drawn when seen, choices, plain tables, figures.
   Belongs here: what more than one such page needs. Not here: any part of one (forecast_*.js, insights_*.js). */
"use strict";
stageproof.views = (() => {
  const { data, el, say, money, number, locale, exports, onLanguage, onTab, onAlways, write } = stageproof;

  // Views: one funnel, or all of them together

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
  /* A table with its own exports. description: {name, caption: [en, zh], columns, files, rows, classOf?}; columns as those
     of plainTable, files as those of a list (explorer.js), name of the exported files. */
  const listed = (host, { name, caption, columns, files, rows, classOf }) => {
    const sheet = () => ({
      columns: files.map((each) => ({ title: say(...each.title), kind: each.kind, width: each.width })),
      rows: rows.map((row) => files.map((each) => each.value(row))),
    });
    const fileName = (suffix) => `stageproof-${data.night}-${data.views[view].key ? `${data.views[view].key}-` : ""}${name}.${suffix}`;
    const button = (suffix, label, act) => el("button", { type: "button", class: "button", translate: "no", "aria-label": `${label} ${say(...caption)}`, onclick: act }, suffix.toUpperCase());
    const table = el("div", { class: "wide", role: "region", tabindex: "0", "aria-label": say(...caption) });
    plainTable(table, say(...caption), columns, rows, classOf);
    host.replaceChildren(
      el(
        "div",
        { class: "listed-tools" },
        el("span", { class: "tally" }, el("strong", {}, number(rows.length)), say(rows.length === 1 ? " row" : " rows", " 行")),
        button("csv", say("Export as CSV:", "导出为 CSV："), () => exports.save(exports.csv(sheet()), fileName("csv"))),
        button("xlsx", say("Export as XLSX:", "导出为 XLSX："), async () => exports.save(await exports.xlsx([{ name: say("Rows", "记录"), ...sheet() }]), fileName("xlsx"))),
      ),
      table,
    );
  };

  return { view: () => view, onView, ofView, part, drawTab, picker, inAddress, percent, chance, units, signed, interval, plainTable, listed };
})();
