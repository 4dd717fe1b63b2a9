/* What every page can do: speak two languages, read its embedded data, show one tab, keep its state in the address.
   Belongs here: nothing about deals, rules or forecasts. Texts of data become text nodes and nothing else. */
"use strict";
const stageproof = (() => {
  const root = document.documentElement;
  const REMEMBERED = "stageproof.language";
  const NOT_KNOWN = "—";
  const DAY = 86400000;

  // Language

  let language = root.dataset.language;
  const shipped = language;
  const listeners = [];
  const locale = () => (language === "zh" ? "zh-CN" : "en");
  const say = (en, zh) => (language === "zh" ? zh : en);
  /* Calls back with each change of language, after what stands in the page has changed. */
  const onLanguage = (callback) => listeners.push(callback);

  const remember = (chosen) => {
    // A browser may forbid a file to keep anything; then the address alone remembers.
    try {
      localStorage.setItem(REMEMBERED, chosen);
    } catch {
      return;
    }
  };
  const remembered = () => {
    try {
      return localStorage.getItem(REMEMBERED);
    } catch {
      return null;
    }
  };

  const speak = (chosen) => {
    language = chosen === "zh" ? "zh" : "en";
    root.lang = locale();
    root.dataset.language = language;
    document.title = root.dataset[language === "zh" ? "titleZh" : "titleEn"];
    for (const button of document.querySelectorAll("button[data-language]")) {
      button.setAttribute("aria-pressed", String(button.dataset.language === language));
    }
    for (const each of document.querySelectorAll("[data-label-en]")) {
      each.setAttribute("aria-label", language === "zh" ? each.dataset.labelZh : each.dataset.labelEn);
    }
    for (const callback of listeners) callback();
  };

  // Elements

  /* An element. `attributes`: class, on* functions, dataset values, or attributes; children are nodes or texts. */
  const el = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  };
  /* A text of the company's data: isolated in its direction, not to be translated, null as a dash. */
  const datum = (text) =>
    text === null || text === undefined ? el("span", { class: "soft" }, NOT_KNOWN) : el("bdi", { translate: "no" }, String(text));

  // Embedded data

  /* A column as `{at(row), size, texts?, code?(row)}`, whatever form embedding.py gave it. */
  const column = (stored) => {
    if (stored.texts) {
      const { texts, codes } = stored;
      return { size: codes.length, texts, code: (row) => codes[row], at: (row) => (codes[row] < 0 ? null : texts[codes[row]]) };
    }
    if (stored.days) {
      const days = stored.days;
      const iso = (day) => new Date(day * DAY).toISOString().slice(0, 10);
      return { size: days.length, days, at: (row) => (days[row] === null ? null : iso(days[row])) };
    }
    if (stored.cents) {
      const cents = stored.cents;
      return { size: cents.length, at: (row) => (cents[row] === null ? null : BigInt(cents[row])) };
    }
    return { size: stored.values.length, at: (row) => stored.values[row] };
  };
  const table = (stored) => {
    const columns = Object.fromEntries(Object.entries(stored.columns).map(([name, each]) => [name, column(each)]));
    return { rows: stored.rows, columns, at: (name, row) => columns[name].at(row) };
  };
  const data = JSON.parse(document.getElementById("page-data").textContent);

  // Figures

  const formats = new Map();
  const format = (options) => {
    const key = locale() + JSON.stringify(options);
    if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(locale(), options));
    return formats.get(key);
  };
  const number = (value) => (value === null || value === undefined ? NOT_KNOWN : format({ maximumFractionDigits: 1 }).format(value));
  const compact = (value) => format({ notation: "compact", maximumFractionDigits: 1 }).format(value);
  /* Whole units of an amount in cents (BigInt), halves away from zero. */
  const money = (cents) => {
    if (cents === null || cents === undefined) return NOT_KNOWN;
    const half = cents < 0n ? -50n : 50n;
    return format({ maximumFractionDigits: 0 }).format((cents + half) / 100n);
  };
  /* An amount in cents with both decimals, as files hold it: 1234.50 */
  const plainMoney = (cents) => {
    const digits = (cents < 0n ? -cents : cents).toString().padStart(3, "0");
    return `${cents < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
  };

  // Address: #tab?name=value&name=value

  const read = () => {
    const [name, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
    return { name, state: new URLSearchParams(query) };
  };
  let tab = "";
  const states = new Map();
  const always = new Map();
  /* What a tab wants to be found again by: a function that gives URLSearchParams. */
  const onState = (name, give) => states.set(name, give);
  /* What the address holds whichever tab is open: `give` a text or null, `take` what an address says. */
  const onAlways = (key, give, take) => always.set(key, { give, take });
  const isAlways = (key) => key === "lang" || always.has(key);
  const write = () => {
    const state = states.has(tab) ? states.get(tab)() : new URLSearchParams();
    for (const [key, { give }] of always) if (give() !== null) state.set(key, give());
    if (language !== shipped) state.set("lang", language);
    const query = state.toString();
    const hash = `#${tab}${query ? `?${query}` : ""}`;
    if (hash !== location.hash) history.replaceState(null, "", hash);
  };

  // Tabs

  const tabs = [...document.querySelectorAll('[role="tab"]')];
  // The address names a tab, and no element has that very id: the browser would scroll to it.
  const nameOf = (each) => each.id.replace("tab-", "");
  const panels = new Map(tabs.map((each) => [nameOf(each), document.getElementById(each.getAttribute("aria-controls"))]));
  const shown = [];
  /* Calls back with the name of a tab and its state from the address each time that one is opened. */
  const onTab = (callback) => shown.push(callback);
  const open = (name, state = new URLSearchParams(), focus = false) => {
    // Without tabs it is the place in the page that the address names.
    tab = panels.has(name) ? name : (panels.keys().next().value ?? name);
    for (const each of tabs) {
      const isOpen = nameOf(each) === tab;
      each.setAttribute("aria-selected", String(isOpen));
      each.tabIndex = isOpen ? 0 : -1;
      if (isOpen && focus) each.focus();
      // On a narrow screen the bar of tabs scrolls sideways.
      if (isOpen) each.parentElement.scrollTo({ left: each.offsetLeft - each.parentElement.clientWidth / 2 + each.clientWidth / 2 });
    }
    for (const [panel, element] of panels) element.hidden = panel !== tab;
    for (const callback of shown) callback(tab, state);
    write();
  };
  for (const [place, each] of tabs.entries()) {
    each.addEventListener("click", () => open(nameOf(each)));
    each.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: place + 1, ArrowLeft: place - 1 + tabs.length, Home: 0, End: tabs.length - 1 };
      if (!(event.key in steps)) return;
      event.preventDefault();
      open(nameOf(tabs[steps[event.key] % tabs.length]), undefined, true);
    });
  }

  const follow = () => {
    const { name, state } = read();
    const wanted = state.get("lang");
    if ((wanted === "en" || wanted === "zh") && wanted !== language) speak(wanted);
    for (const [key, { take }] of always) if (state.has(key)) take(state.get(key));
    open(name, state);
  };
  /* Called once, when every tab has said how it is filled. */
  const start = () => {
    for (const button of document.querySelectorAll("button[data-language]")) {
      button.addEventListener("click", () => {
        remember(button.dataset.language);
        speak(button.dataset.language);
        write();
      });
    }
    speak(read().state.get("lang") ?? remembered() ?? shipped);
    addEventListener("hashchange", follow);
    follow();
  };

  return {
    data, table, el, datum, say, onLanguage, number, compact, money, plainMoney, locale, onTab, onState, onAlways, isAlways, open, write, start,
    language: () => language,
    tab: () => tab,
    NOT_KNOWN,
  };
})();
