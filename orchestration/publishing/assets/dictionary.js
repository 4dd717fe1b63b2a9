/* The data dictionary: finds tables and columns by the words that stand there. The search is part of the address. */
"use strict";
(() => {
  const { say, number, onLanguage, onTab, onAlways, write, start } = stageproof;
  const search = document.getElementById("search");
  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link.parentElement]));
  const words = (element) => element.textContent.toLowerCase();
  const tables = [...document.querySelectorAll("section.served")].map((section) => ({
    section,
    words: words(section.querySelector(".about")),
    rows: [...section.querySelectorAll("tbody tr")].map((row) => ({ row, words: `${words(row)} ${section.id}` })),
  }));

  const find = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (text) => wanted.every((word) => text.includes(word));
    let found = 0;
    let columns = 0;
    for (const { section, words: about, rows } of tables) {
      const isMeant = has(about);
      let shown = 0;
      for (const { row, words: said } of rows) {
        row.hidden = !isMeant && !has(said);
        shown += row.hidden ? 0 : 1;
      }
      section.hidden = shown === 0;
      links.get(section.id).hidden = shown === 0;
      found += shown ? 1 : 0;
      columns += shown;
    }
    document.getElementById("nothing").hidden = found > 0;
    document.getElementById("tally").textContent = say(
      `${number(found)} ${found === 1 ? "table" : "tables"}, ${number(columns)} ${columns === 1 ? "column" : "columns"}`,
      `${number(found)} 张表，${number(columns)} 列`,
    );
  };

  search.addEventListener("input", () => {
    find();
    write();
  });
  onAlways(
    "q",
    () => search.value.trim() || null,
    (text) => {
      search.value = text;
    },
  );
  onLanguage(() => {
    search.placeholder = say("Search tables and columns", "搜索表与列");
    find();
  });
  onTab((name) => {
    find();
    const section = document.getElementById(name);
    if (section) section.scrollIntoView();
  });
  start();
})();
