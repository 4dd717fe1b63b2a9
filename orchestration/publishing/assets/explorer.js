/* A list of rows that people search, filter, sort, open one by one, print and take with them.
   Belongs here: everything that such a list does, on a screen and on paper. Not here: what the rows are; a page says
   that in a description:

     name          of the tab's state and of exported files
     rows          how many; a row is its number
     within        (row): whether it is among the rows at all; may change, then call `recount`. All where not given
     views         [{key, label: [en, zh], has(row)}]; the first that is not empty is shown at first
     facets        [{key, title: [en, zh], size, code(row), keyOf(code), label(code), order: "given" | "weight"}]
     searched      [{size, code(row), text(code)}] what the search box looks into
     weight        {of(row): subject, amount(subject): BigInt cents or null, word: [[one, many], zh], what?: [en, zh]},
                   or null; each subject counts once; `what` says which amount it is where that is no matter of course
     columns       [{key, title: [en, zh], width?, grow?, cell?(row): node, rank?(row): number, -1 for null, isEnd?}]
     order         [en, zh] what the order is called in which the rows come
     ranked        [{key, title: [en, zh], isDescending?}] what can be sorted by beside it
     card          (row): node, a row on a narrow screen
     details       (row): [title node, ...nodes]
     idOf          (row): what the address calls a row, or null
     files         [{title: [en, zh], kind, width?, value(row)}] the columns of exported files
     printed       [{title: [en, zh], cell(row): node, isEnd?}] the columns on paper
     empty         [en, zh] where there are no rows at all

   Tabulator keeps a few dozen rows in the document, however many there are. */
"use strict";
stageproof.explorer = (() => {
  const { el, say, onLanguage, onTab, onState, write, number, money, locale } = stageproof;
  const NARROW = matchMedia("(max-width: 60rem)");
  const ROW_HEIGHT = 60;
  const CARD_HEIGHT = 104;
  const VALUES_SHOWN = 6;
  const SEARCH_PAUSE_MS = 120;

  const folded = (text) => text.normalize("NFKC").toLocaleLowerCase();
  /* Order of texts as people know it, pinyin for Chinese. */
  const collator = () => new Intl.Collator(locale(), { numeric: true });
  const ranks = (texts) => {
    const order = [...texts.keys()].sort((one, other) => collator_.compare(texts[one], texts[other]));
    const rank = new Int32Array(texts.length);
    for (const [place, code] of order.entries()) rank[code] = place;
    return rank;
  };
  let collator_ = collator();
  onLanguage(() => {
    collator_ = collator();
  });
  /* Sorts by a text column; null last. `texts` is asked anew in each language. */
  const byText = (texts, code) => {
    let known = null;
    let spoken = null;
    return (row) => {
      if (spoken !== locale()) {
        known = ranks(texts());
        spoken = locale();
      }
      const at = code(row);
      return at < 0 ? -1 : known[at];
    };
  };

  const make = (host, description) => {
    const { name, rows, views, facets, weight } = description;
    const all = [...Array(rows).keys()];
    const within = description.within ?? (() => true);
    const counted = () => new Map(views.map((view) => [view.key, all.reduce((sum, row) => sum + Number(within(row) && view.has(row)), 0)]));
    let totals = counted();
    const state = {
      view: (views.find((view) => totals.get(view.key)) ?? views[0]).key,
      chosen: new Map(facets.map((facet) => [facet.key, new Set()])),
      query: "",
      sort: null,
      isDescending: false,
      current: null,
      isOpen: false,
      unfolded: new Set(),
    };
    let table = null;
    let isBuilt = false;
    // The rows that are shown, in their order on the screen.
    let shown = [];

    // Filtering

    const matching = () => {
      const words = folded(state.query).split(/\s+/).filter(Boolean);
      if (!words.length) return null;
      const hits = words.map((word) =>
        description.searched.map(({ size, text }) => {
          const hit = new Uint8Array(size);
          for (let code = 0; code < size; code += 1) hit[code] = Number(folded(text(code) ?? "").includes(word));
          return hit;
        }),
      );
      const codes = description.searched.map(({ code }) => code);
      return (row) => hits.every((columns) => columns.some((hit, place) => codes[place](row) >= 0 && hit[codes[place](row)]));
    };

    /* One pass over all rows: which are shown, and for each value of each facet how many rows and what they are worth
       if that facet alone were not filtered. */
    const survey = () => {
      const view = views.find((each) => each.key === state.view);
      const found = matching();
      const chosen = facets.map((facet) => state.chosen.get(facet.key));
      const counts = facets.map((facet) => new Int32Array(facet.size + 1));
      const subjects = facets.map(() => new Map());
      const kept = new Uint8Array(rows);
      let total = 0;
      for (let row = 0; row < rows; row += 1) {
        if (!within(row) || !view.has(row) || (found && !found(row))) continue;
        let misses = 0;
        let missed = -1;
        for (let place = 0; place < facets.length && misses < 2; place += 1) {
          if (chosen[place].size && !chosen[place].has(facets[place].code(row))) {
            misses += 1;
            missed = place;
          }
        }
        if (misses > 1) continue;
        if (!misses) {
          kept[row] = 1;
          total += 1;
        }
        for (let place = 0; place < facets.length; place += 1) {
          if (misses && place !== missed) continue;
          const code = facets[place].code(row);
          counts[place][code + 1] += 1;
          if (!weight) continue;
          if (!subjects[place].has(code)) subjects[place].set(code, new Set());
          subjects[place].get(code).add(weight.of(row));
        }
      }
      return { kept, total, counts, subjects };
    };
    /* What subjects are worth together, each once; null where nothing is known of any. */
    const worth = (subjects) => {
      let total = null;
      for (const subject of subjects ?? []) {
        const amount = weight.amount(subject);
        if (amount !== null) total = (total ?? 0n) + amount;
      }
      return subjects?.size ? total : 0n;
    };

    // Parts

    const search = el("input", { type: "search", class: "search", spellcheck: "false", autocomplete: "off" });
    const viewBar = el("div", { class: "views", role: "group" });
    const sortBox = el("select", { class: "sort" });
    const direction = el("button", { type: "button", class: "button square" });
    const csvButton = el("button", { type: "button", class: "button" }, "CSV");
    const xlsxButton = el("button", { type: "button", class: "button" }, "XLSX");
    const printButton = el("button", { type: "button", class: "button" });
    const tally = el("p", { class: "tally", role: "status", "aria-live": "polite" });
    const chips = el("div", { class: "chips" });
    const facetPanel = el("div", { class: "facets" });
    const facetFold = el("details", { class: "facet-fold" }, el("summary", {}), facetPanel);
    const grid = el("div");
    const frame = el("div", { class: "grid" }, grid);
    const none = el("p", { class: "empty" });
    const drawer = el("aside", { class: "drawer", hidden: true, tabindex: "-1" });
    const paper = el("div", { class: "paper" });
    for (const button of [csvButton, xlsxButton]) button.setAttribute("translate", "no");

    // Without any row there is nothing to search, and a bar of dead controls would only ask to be tried.
    host.classList.toggle("is-empty", !rows);
    host.classList.toggle("has-no-facets", !facets.length);
    host.append(
      el("div", { class: "toolbar" }, viewBar, search, el("div", { class: "tools" }, sortBox, direction, csvButton, xlsxButton, printButton)),
      el("div", { class: "found" }, tally, chips),
      el("div", { class: "columns" }, facetFold, el("div", { class: "list" }, frame, none)),
      drawer,
      paper,
    );

    // Texts of the parts

    const words = () => {
      search.placeholder = say("Search", "搜索");
      search.setAttribute("aria-label", say("Search", "搜索"));
      viewBar.setAttribute("aria-label", say("Which rows", "显示范围"));
      sortBox.setAttribute("aria-label", say("Sort by", "排序"));
      sortBox.replaceChildren(
        el("option", { value: "" }, say(...description.order)),
        ...description.ranked.map((each) => el("option", { value: each.key }, say(...each.title))),
      );
      sortBox.value = state.sort ?? "";
      direction.setAttribute("aria-label", say("Turn the order round", "反转顺序"));
      csvButton.setAttribute("aria-label", say("Export as CSV", "导出为 CSV"));
      xlsxButton.setAttribute("aria-label", say("Export as XLSX", "导出为 XLSX"));
      printButton.textContent = say("Print", "打印");
      facetFold.querySelector("summary").textContent = say("Filter", "筛选");
      none.textContent = rows ? say("Nothing matches.", "没有符合条件的记录。") : say(...description.empty);
      drawer.setAttribute("aria-label", say("Details", "详情"));
    };

    const showViews = () => {
      viewBar.replaceChildren(
        ...(views.length < 2
          ? []
          : views.map((view) =>
              el(
                "button",
                {
                  type: "button",
                  "aria-pressed": String(view.key === state.view),
                  "data-view": view.key,
                  onclick: () => {
                    state.view = view.key;
                    refresh();
                    viewBar.querySelector(`[data-view="${view.key}"]`).focus();
                  },
                },
                say(...view.label),
                " ",
                el("span", { class: "badge" }, number(totals.get(view.key))),
              ),
            )),
      );
    };

    const toggle = (facet, code) => {
      const chosen = state.chosen.get(facet.key);
      if (!chosen.delete(code)) chosen.add(code);
      refresh();
    };
    const showFacets = ({ counts, subjects }) => {
      const focused = document.activeElement?.dataset?.facet;
      const lists = facets.map((facet, place) => facetList(facet, counts[place], subjects[place])).filter(Boolean);
      facetPanel.replaceChildren(...(lists.length ? lists : [el("p", { class: "facet small soft" }, say("Nothing to tell these rows apart by.", "这些记录没有可供区分的条件。"))]));
      if (focused) facetPanel.querySelector(`[data-facet="${CSS.escape(focused)}"]`)?.focus();
    };
    const facetList = (facet, counts, subjects) => {
      const chosen = state.chosen.get(facet.key);
      const values = [];
      for (let code = -1; code < facet.size; code += 1) {
        if (!counts[code + 1] && !chosen.has(code)) continue;
        values.push({ code, count: counts[code + 1], amount: weight ? worth(subjects.get(code)) : null });
      }
      // What all rows have in common tells nothing and filters nothing.
      if (values.length < 2 && !chosen.size) return null;
      const measure = ({ amount, count }) => (weight ? Number(amount ?? 0n) : count);
      if (facet.order === "weight") values.sort((one, other) => measure(other) - measure(one) || other.count - one.count || one.code - other.code);
      const isUnfolded = state.unfolded.has(facet.key);
      const most = Math.max(1, ...values.map(measure));
      const visible = isUnfolded ? values : values.filter((each, place) => place < VALUES_SHOWN || chosen.has(each.code));
      const items = visible.map((each) => {
        const bar = el("span", { class: "bar", "aria-hidden": "true" });
        bar.style.inlineSize = `${Math.max(0, (100 * measure(each)) / most)}%`;
        return el(
          "li",
          {},
          el(
            "button",
            {
              type: "button",
              class: "facet-value",
              "aria-pressed": String(chosen.has(each.code)),
              "data-facet": `${facet.key}:${facet.keyOf(each.code)}`,
              onclick: () => toggle(facet, each.code),
            },
            el("span", { class: "facet-label" }, facet.label(each.code)),
            el("span", { class: "facet-count" }, number(each.count)),
            weight ? el("span", { class: "facet-amount" }, money(each.amount)) : null,
            bar,
          ),
        );
      });
      const hidden = values.length - visible.length;
      return el(
        "section",
        { class: "facet" },
        el("h3", {}, say(...facet.title)),
        el("ul", {}, ...items),
        hidden || (isUnfolded && values.length > VALUES_SHOWN)
          ? el(
              "button",
              {
                type: "button",
                class: "link small",
                "data-facet": `${facet.key}:*`,
                "aria-expanded": String(isUnfolded),
                onclick: () => {
                  if (!state.unfolded.delete(facet.key)) state.unfolded.add(facet.key);
                  refresh();
                },
              },
              isUnfolded ? say("Show fewer", "收起") : say(`Show ${number(hidden)} more`, `再显示 ${number(hidden)} 项`),
            )
          : null,
      );
    };

    const showChips = () => {
      const made = facets.flatMap((facet) =>
        [...state.chosen.get(facet.key)].map((code) =>
          el(
            "button",
            { type: "button", class: "chip", onclick: () => toggle(facet, code) },
            el("span", { class: "soft" }, say(...facet.title), say(": ", "：")),
            facet.label(code),
            el("span", { class: "cross", "aria-hidden": "true" }, "×"),
            el("span", { class: "unseen" }, say("remove this filter", "移除此筛选")),
          ),
        ),
      );
      if (state.query) {
        made.push(
          el(
            "button",
            { type: "button", class: "chip", onclick: () => ask("") },
            el("span", { class: "soft" }, say("Search: ", "搜索：")),
            el("bdi", { translate: "no" }, state.query),
            el("span", { class: "cross", "aria-hidden": "true" }, "×"),
            el("span", { class: "unseen" }, say("remove this filter", "移除此筛选")),
          ),
        );
      }
      if (made.length > 1) made.push(el("button", { type: "button", class: "link small", onclick: clear }, say("Clear all", "全部清除")));
      chips.replaceChildren(...made);
    };
    const showTally = (found) => {
      const total = totals.get(state.view);
      const subjects = weight ? new Set(shown.map(weight.of)) : null;
      const what = weight ? say(weight.word[0][subjects.size === 1 ? 0 : 1], weight.word[1]) : "";
      tally.replaceChildren(
        // On paper the button that says so is gone.
        ...(views.length > 1 ? [el("span", { class: "on-paper" }, say(...views.find((each) => each.key === state.view).label), say(": ", "："))] : []),
        el("strong", {}, number(found.total)),
        found.total === total ? say(found.total === 1 ? " row" : " rows", " 行") : say(` of ${number(total)} rows`, ` 行，共 ${number(total)} 行`),
        ...(weight && found.total
          ? [
              ...(subjects.size === found.total ? [] : [say(" on ", "，涉及 "), el("strong", {}, number(subjects.size)), ` ${what}`]),
              say(", ", "，"),
              el("strong", {}, money(worth(subjects))),
              " ",
              el("span", { translate: "no" }, stageproof.data.currency),
              ...(weight.what ? [" ", say(...weight.what)] : []),
            ]
          : []),
      );
    };

    // The list

    /* Tabulator turns the two round where the order descends; what is not known comes last either way. */
    const compare = (one, other, _one, _other, _column, way) => {
      const last = way === "asc" ? 1 : -1;
      if (one === -1 || other === -1) return one === other ? 0 : one === -1 ? last : -last;
      return one - other;
    };
    const ranked = new Map(description.columns.filter((each) => each.rank).map((each) => [each.key, each.rank]));
    const records = () =>
      all.map((row) => {
        const record = { row };
        for (const [key, rank] of ranked) record[key] = rank(row);
        return record;
      });
    /* On a narrow screen a row is a card; the columns stay, unseen and empty, to be sorted by. */
    const columns = () => {
      const isNarrow = NARROW.matches;
      const made = description.columns
        .filter((each) => each.rank || !isNarrow)
        .map((each) => ({
          title: say(...each.title),
          field: each.key,
          formatter: each.cell && !isNarrow ? (cell) => each.cell(cell.getData().row) : () => "",
          headerSort: Boolean(each.rank),
          sorter: compare,
          width: each.width,
          widthGrow: each.grow,
          minWidth: each.width ?? 120,
          hozAlign: each.isEnd ? "right" : "left",
          headerHozAlign: each.isEnd ? "right" : "left",
          visible: Boolean(each.cell) && !isNarrow,
          resizable: false,
        }));
      if (isNarrow) {
        const formatter = (cell) => description.card(cell.getData().row);
        made.push({ title: say("Rows", "记录"), field: "card", formatter, headerSort: false, resizable: false });
      }
      return made;
    };
    let kept = new Uint8Array(rows);
    let headHeight = 0;
    /* A list need not be higher than its rows, nor than the filters beside it. One pixel is the line below each row. */
    const fit = (total) => {
      const height = headHeight + total * ((NARROW.matches ? CARD_HEIGHT : ROW_HEIGHT) + 1) + 2;
      frame.style.maxBlockSize = `${Math.max(height, facets.length && !NARROW.matches ? facetFold.offsetHeight : 0)}px`;
    };
    const build = () => {
      table?.destroy();
      isBuilt = false;
      // A list that is made as high as it will be draws its rows once, and no click falls between two drawings.
      if (NARROW.matches) headHeight = 0;
      fit(survey().total);
      // Until the filter is on, rows stand there that are gone in the next moment, under whoever clicks on them.
      frame.classList.add("is-building");
      table = new Tabulator(grid, {
        data: records(),
        index: "row",
        columns: columns(),
        layout: "fitColumns",
        height: "100%",
        rowHeight: NARROW.matches ? CARD_HEIGHT : ROW_HEIGHT,
        headerVisible: !NARROW.matches,
        headerSortTristate: true,
        placeholder: "",
        rowFormatter: (row) => mark(row.getElement(), row.getData().row),
      });
      table.on("tableBuilt", () => {
        isBuilt = true;
        // The grid itself takes the focus and names its current row, so that readers of screens follow it.
        const holder = grid.querySelector(".tabulator-tableholder");
        holder.removeAttribute("tabindex");
        holder.setAttribute("role", "presentation");
        grid.tabIndex = 0;
        grid.setAttribute("aria-label", say("Rows", "记录"));
        for (const head of grid.querySelectorAll(".tabulator-col.tabulator-sortable")) {
          head.tabIndex = 0;
          head.addEventListener("keydown", (event) => {
            if (event.key !== "Enter" && event.key !== " ") return;
            event.preventDefault();
            head.querySelector(".tabulator-col-content").click();
          });
        }
        applySort();
        refresh();
        frame.classList.remove("is-building");
      });
      table.on("dataSorted", (sorters) => {
        if (!isBuilt) return;
        state.sort = sorters[0]?.field ?? null;
        state.isDescending = sorters[0]?.dir === "desc";
        sortBox.value = state.sort ?? "";
        showDirection();
        order();
        write();
      });
    };
    /* Reads back in which order the rows stand. */
    const order = () => {
      shown = table.getData("active").map(({ row }) => row);
      grid.setAttribute("aria-rowcount", String(shown.length));
    };
    const applySort = () => {
      if (state.sort) table.setSort(state.sort, state.isDescending ? "desc" : "asc");
      else table.clearSort();
    };
    const showDirection = () => {
      direction.textContent = state.isDescending ? "↓" : "↑";
      direction.disabled = !state.sort;
    };
    const mark = (element, row) => {
      element.id = `${name}-row-${row}`;
      element.classList.toggle("current", row === state.current);
      element.setAttribute("aria-selected", String(row === state.current));
    };

    const refresh = () => {
      if (!isBuilt) return;
      const found = survey();
      kept = found.kept;
      table.setFilter((record) => kept[record.row] === 1);
      order();
      showViews();
      showFacets(found);
      showChips();
      showTally(found);
      showDirection();
      frame.hidden = !found.total;
      headHeight = grid.querySelector(".tabulator-header").offsetHeight;
      fit(found.total);
      none.hidden = Boolean(found.total);
      for (const button of [csvButton, xlsxButton, printButton]) button.disabled = !found.total;
      if (state.current !== null && !kept[state.current]) close();
      write();
    };
    const ask = (query) => {
      state.query = query;
      search.value = query;
      refresh();
    };
    const clear = () => {
      for (const chosen of state.chosen.values()) chosen.clear();
      ask("");
    };

    // One row

    const elementOf = (row) => document.getElementById(`${name}-row-${row}`);
    const go = (row, { open = false, focus = false } = {}) => {
      const before = state.current;
      state.current = row;
      for (const each of [before, row]) if (each !== null && elementOf(each)) mark(elementOf(each), each);
      grid.setAttribute("aria-activedescendant", `${name}-row-${row}`);
      if (open || state.isOpen) showDetails(focus);
      write();
    };
    const step = (by, focus) => {
      if (!shown.length) return;
      const at = shown.indexOf(state.current);
      const to = at < 0 && by < rows ? 0 : Math.min(shown.length - 1, Math.max(0, at + by));
      // Only after the row is in the document can it be marked.
      table.scrollToRow(shown[to], "nearest", false).catch(() => null);
      go(shown[to], { focus });
    };
    const keys = (event) => {
      if (event.target !== grid) return;
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -rows, End: rows };
      if (event.key in steps) {
        event.preventDefault();
        step(steps[event.key]);
      } else if (event.key === "Enter" && state.current !== null) {
        event.preventDefault();
        go(state.current, { open: true, focus: true });
      } else if (event.key === "Escape" && state.isOpen) {
        close();
      }
    };
    grid.addEventListener("keydown", keys);
    /* A row is opened by where a pointer went down and came up, for Tabulator may draw the row anew in between, and then
       there is no click at all. A click that no pointer made is one of assistive technology. */
    const rowAt = (event) => {
      const element = event.target.closest("a") ? null : event.target.closest(".tabulator-row");
      return element ? Number(element.id.slice(`${name}-row-`.length)) : null;
    };
    let pressed = null;
    grid.addEventListener("pointerdown", (event) => {
      pressed = event.isPrimary && event.button === 0 ? rowAt(event) : null;
    });
    grid.addEventListener("pointerup", (event) => {
      const row = rowAt(event);
      if (row !== null && row === pressed) go(row, { open: true });
      pressed = null;
    });
    grid.addEventListener("click", (event) => {
      const row = rowAt(event);
      if (row !== null && event.detail === 0) go(row, { open: true });
    });
    const showDetails = (focus) => {
      const at = shown.indexOf(state.current);
      const [title, ...content] = description.details(state.current);
      const heading = el("h3", { tabindex: "-1" }, title);
      const move = (by, sign, label) =>
        el("button", { type: "button", class: "button square", "aria-label": label, disabled: !(at + by in shown), onclick: () => step(by, true) }, sign);
      drawer.replaceChildren(
        el(
          "div",
          { class: "drawer-head" },
          el("p", { class: "small soft" }, say(`Row ${number(at + 1)} of ${number(shown.length)}`, `第 ${number(at + 1)} 行，共 ${number(shown.length)} 行`)),
          el(
            "div",
            { class: "tools" },
            move(-1, "↑", say("Previous row", "上一行")),
            move(1, "↓", say("Next row", "下一行")),
            el("button", { type: "button", class: "button square close", "aria-label": say("Close details", "关闭详情"), onclick: close }, "×"),
          ),
        ),
        el("div", { class: "drawer-body" }, heading, ...content),
      );
      state.isOpen = true;
      drawer.hidden = false;
      host.classList.add("has-drawer");
      if (focus) heading.focus();
    };
    const close = () => {
      const hadFocus = drawer.contains(document.activeElement);
      state.isOpen = false;
      drawer.hidden = true;
      host.classList.remove("has-drawer");
      const before = state.current;
      state.current = null;
      if (before !== null && elementOf(before)) mark(elementOf(before), before);
      grid.removeAttribute("aria-activedescendant");
      if (hadFocus) grid.focus();
      write();
    };
    drawer.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      }
    });

    // Files and paper

    const sheet = () => ({
      columns: description.files.map((each) => ({ title: say(...each.title), kind: each.kind, width: each.width })),
      rows: shown.map((row) => description.files.map((each) => each.value(row))),
    });
    const about = () => ({
      name: say("About", "说明"),
      columns: [
        { title: say("What", "项目"), kind: "text" },
        { title: say("Value", "内容"), kind: "text", width: 60 },
      ],
      rows: [
        [say("Company", "公司"), stageproof.data.company],
        [say("Business date", "业务日期"), stageproof.data.night],
        [say("Currency", "货币"), stageproof.data.currency],
        [say("Rows", "行数"), String(shown.length)],
        ...(views.length > 1 ? [[say("Shown", "范围"), say(...views.find((each) => each.key === state.view).label)]] : []),
        ...(state.query ? [[say("Search", "搜索"), state.query]] : []),
        ...facets.flatMap((facet) => [...state.chosen.get(facet.key)].map((code) => [say(...facet.title), facet.label(code).textContent])),
      ],
    });
    const fileName = (suffix) => `stageproof-${stageproof.data.night}-${name}-${state.view}.${suffix}`;
    csvButton.addEventListener("click", () => stageproof.exports.save(stageproof.exports.csv(sheet()), fileName("csv")));
    xlsxButton.addEventListener("click", async () => {
      xlsxButton.disabled = true;
      xlsxButton.setAttribute("aria-busy", "true");
      try {
        const blob = await stageproof.exports.xlsx([{ name: say("Rows", "记录"), ...sheet() }, about()]);
        stageproof.exports.save(blob, fileName("xlsx"));
      } finally {
        xlsxButton.disabled = false;
        xlsxButton.removeAttribute("aria-busy");
      }
    });
    printButton.addEventListener("click", () => print());
    /* On paper every row stands that the filter shows, with its reasons; on the screen a few dozen do. */
    const onPaper = () => {
      if (host.closest("[hidden]") || !isBuilt) return;
      const { printed } = description;
      const head = el("tr", {}, ...printed.map((each) => el("th", { scope: "col", class: each.isEnd ? "n" : null }, say(...each.title))));
      const body = el("tbody");
      for (const row of shown) body.append(el("tr", {}, ...printed.map((each) => el("td", { class: each.isEnd ? "n" : null }, each.cell(row)))));
      paper.replaceChildren(el("table", {}, el("thead", {}, head), body));
    };
    addEventListener("beforeprint", onPaper);
    addEventListener("afterprint", () => paper.replaceChildren());

    // Wiring

    let pause = 0;
    search.addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(() => ask(search.value), SEARCH_PAUSE_MS);
    });
    search.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && search.value) {
        event.preventDefault();
        ask("");
      } else if (event.key === "ArrowDown" && shown.length) {
        event.preventDefault();
        grid.focus();
        step(0);
      }
    });
    sortBox.addEventListener("change", () => {
      state.sort = sortBox.value || null;
      state.isDescending = Boolean(state.sort) && description.ranked.find((each) => each.key === state.sort).isDescending === true;
      applySort();
    });
    direction.addEventListener("click", () => {
      state.isDescending = !state.isDescending;
      applySort();
    });
    onLanguage(() => {
      words();
      if (!isBuilt) return;
      build();
      if (state.isOpen) showDetails(false);
    });
    NARROW.addEventListener("change", () => {
      facetFold.open = !NARROW.matches;
      if (isBuilt) build();
    });
    addEventListener("keydown", (event) => {
      const isTyping = event.target.closest("input, select, textarea");
      if (event.key === "/" && !isTyping && !host.closest("[hidden]")) {
        event.preventDefault();
        search.focus();
      }
    });
    facetFold.open = !NARROW.matches;
    words();

    const panel = host.closest('[role="tabpanel"]').id.replace("panel-", "");
    const codesOf = (facet) => {
      const codes = new Map();
      for (let code = -1; code < facet.size; code += 1) codes.set(facet.keyOf(code), code);
      return codes;
    };
    const restore = (from) => {
      // An address that says nothing of the list leaves it as it is; one that does says all of it.
      if (![...from.keys()].some((key) => !stageproof.isAlways(key))) return;
      for (const chosen of state.chosen.values()) chosen.clear();
      state.query = "";
      search.value = "";
      state.sort = null;
      if (views.some((view) => view.key === from.get("view"))) state.view = from.get("view");
      for (const facet of facets) {
        if (!from.has(facet.key)) continue;
        const codes = codesOf(facet);
        state.chosen.set(facet.key, new Set(from.getAll(facet.key).filter((key) => codes.has(key)).map((key) => codes.get(key))));
      }
      if (from.has("q")) {
        state.query = from.get("q");
        search.value = state.query;
      }
      if (description.ranked.some((each) => each.key === from.get("sort"))) {
        state.sort = from.get("sort");
        state.isDescending = from.get("order") === "desc";
      }
    };
    onState(panel, () => {
      const to = new URLSearchParams();
      if (views.length > 1) to.set("view", state.view);
      for (const facet of facets) for (const code of state.chosen.get(facet.key)) to.append(facet.key, facet.keyOf(code));
      if (state.query) to.set("q", state.query);
      if (state.sort) {
        to.set("sort", state.sort);
        to.set("order", state.isDescending ? "desc" : "asc");
      }
      const id = state.isOpen && state.current !== null ? description.idOf(state.current) : null;
      if (id !== null) to.set("row", id);
      return to;
    });
    const find = (id) => {
      const row = all.find((each) => within(each) && description.idOf(each) === id);
      if (row === undefined) return;
      if (!views.find((view) => view.key === state.view).has(row)) {
        const holding = views.find((view) => view.has(row));
        if (!holding) return;
        state.view = holding.key;
        refresh();
      }
      table.scrollToRow(row, "center", false).catch(() => null);
      go(row, { open: true });
    };
    onTab((tab, from) => {
      if (tab !== panel) return;
      restore(from);
      const id = from.get("row");
      // A list can only be laid out where it is visible.
      if (!table) {
        build();
        if (id) table.on("tableBuilt", () => find(id));
      } else {
        applySort();
        refresh();
        table.redraw();
        if (id) find(id);
      }
    });

    /* Shows what one value of one facet holds, all other filters cleared. */
    const only = (key, value, view) => {
      for (const chosen of state.chosen.values()) chosen.clear();
      const facet = facets.find((each) => each.key === key);
      const code = codesOf(facet).get(value);
      if (code !== undefined) state.chosen.get(key).add(code);
      if (view) state.view = view;
      state.query = "";
      search.value = "";
      stageproof.open(panel);
      host.scrollIntoView({ block: "start" });
    };
    /* Other rows are within than before. */
    const recount = () => {
      totals = counted();
      if (!totals.get(state.view)) state.view = (views.find((view) => totals.get(view.key)) ?? views[0]).key;
      refresh();
    };
    return { only, recount };
  };

  return { make, byText };
})();
