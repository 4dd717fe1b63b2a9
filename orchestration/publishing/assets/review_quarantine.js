/* The list of refused records: where each stands, what is wrong with it, what lets it in. */
"use strict";
(() => {
  const { el, datum, say, number, explorer } = stageproof;
  const {
    coded, fact, facts, nameFacet, pair, part, searched, tables, textFacet, textRank, worded,
  } = stageproof.review;

  const refused = tables.refused;
  const refusedCodes = Object.fromEntries(["crm", "object", "file", "column", "reason"].map((name) => [name, coded(refused, name)]));
  const reasonNames = {};
  for (let row = 0; row < refused.rows; row += 1) reasonNames[refused.at("reason", row)] = [refused.at("reason_en", row), refused.at("reason_zh", row)];
  const where = (row) => {
    const line = refused.at("line", row);
    const record = number(refused.at("record", row));
    return line === null ? say(`record ${record}`, `第 ${record} 条`) : say(`record ${record}, line ${number(line)}`, `第 ${record} 条，第 ${number(line)} 行`);
  };
  const fileCell = (row) => el("div", { class: "two-lines" }, el("div", { class: "clip" }, datum(refused.at("file", row))), el("div", { class: "small soft" }, where(row)));
  const release = (row) => worded(refused, "release", row);
  explorer.make(document.getElementById("refused-explorer"), {
    name: "quarantine",
    rows: refused.rows,
    views: [
      { key: "new", label: ["Since last night", "昨晚以来"], has: (row) => refused.at("is_new", row) === 1 },
      { key: "all", label: ["All that stand", "全部未放行"], has: () => true },
    ],
    facets: [
      nameFacet("reason", ["Reason", "原因"], refusedCodes.reason, reasonNames, "weight"),
      textFacet("crm", ["CRM", "CRM"], refusedCodes.crm),
      textFacet("object", ["Object", "对象"], refusedCodes.object),
      textFacet("column", ["Column", "列"], refusedCodes.column),
      textFacet("file", ["File", "文件"], refusedCodes.file),
    ],
    searched: [
      ...["crm", "object", "file", "column"].map((name) => searched(refusedCodes[name])),
      { size: refused.rows, code: (row) => row, text: (row) => `${refused.at("value", row) ?? ""} ${refused.at("raw_text", row) ?? ""} ${refused.at("reason_en", row)} ${refused.at("reason_zh", row)}` },
    ],
    weight: null,
    columns: [
      { key: "file", title: ["File and place", "文件与位置"], grow: 2, cell: fileCell, rank: textRank(refusedCodes.file) },
      { key: "column", title: ["Column", "列"], width: 150, cell: (row) => el("div", { class: "clip" }, datum(refused.at("column", row))), rank: textRank(refusedCodes.column) },
      { key: "reason", title: ["Reason", "原因"], grow: 1, cell: (row) => el("div", { class: "clamp" }, pair(refused, "reason", row)), rank: textRank(refusedCodes.reason) },
      { key: "value", title: ["What stands there", "原值"], width: 170, cell: (row) => el("div", { class: "clamp" }, datum(refused.at("value", row))) },
      { key: "release", title: ["How to release", "如何放行"], grow: 3, cell: (row) => el("div", { class: "clamp small" }, release(row)) },
    ],
    order: ["Newest first", "最新的在前"],
    ranked: [
      { key: "file", title: ["File", "文件"] },
      { key: "reason", title: ["Reason", "原因"] },
      { key: "column", title: ["Column", "列"] },
    ],
    card: (row) =>
      el(
        "div",
        { class: "row-card" },
        el("div", { class: "clamp deal-name" }, pair(refused, "reason", row)),
        el("div", { class: "clip" }, datum(refused.at("column", row)), ": ", datum(refused.at("value", row))),
        el("div", { class: "small soft clip" }, datum(refused.at("file", row)), " · ", where(row)),
      ),
    details: (row) => [
      pair(refused, "reason", row),
      part(say("How to release", "如何放行"), el("p", {}, release(row))),
      part(
        say("Where", "位置"),
        facts(
          fact(say("File", "文件"), datum(refused.at("file", row))),
          fact(say("Extracted at", "提取时间"), datum(refused.at("extracted_at", row))),
          fact("CRM", datum(refused.at("crm", row))),
          fact(say("Object", "对象"), datum(refused.at("object", row))),
          fact(say("Record", "记录"), number(refused.at("record", row))),
          fact(say("Line", "行"), number(refused.at("line", row))),
          fact(say("Column", "列"), datum(refused.at("column", row))),
          fact(say("What stands there", "原值"), datum(refused.at("value", row))),
        ),
      ),
      part(say("The record, personal data masked", "记录原文（个人数据已遮蔽）"), el("pre", { translate: "no", dir: "auto", tabindex: "0" }, refused.at("raw_text", row) ?? stageproof.NOT_KNOWN)),
    ],
    idOf: (row) => `${refused.at("file", row)}:${refused.at("record", row)}:${refused.at("column", row) ?? ""}`,
    files: [
      { title: ["CRM", "CRM"], kind: "text", width: 12, value: (row) => refused.at("crm", row) },
      { title: ["Object", "对象"], kind: "text", value: (row) => refused.at("object", row) },
      { title: ["File", "文件"], kind: "text", width: 40, value: (row) => refused.at("file", row) },
      { title: ["Extracted at", "提取时间"], kind: "text", value: (row) => refused.at("extracted_at", row) },
      { title: ["Record", "记录"], kind: "number", value: (row) => refused.at("record", row) },
      { title: ["Line", "行"], kind: "number", value: (row) => refused.at("line", row) },
      { title: ["Column", "列"], kind: "text", value: (row) => refused.at("column", row) },
      { title: ["Reason", "原因"], kind: "text", width: 32, value: (row) => worded(refused, "reason", row) },
      { title: ["What stands there", "原值"], kind: "text", value: (row) => refused.at("value", row) },
      { title: ["How to release", "如何放行"], kind: "text", width: 48, value: release },
      { title: ["The record", "记录原文"], kind: "text", width: 48, value: (row) => refused.at("raw_text", row) },
    ],
    printed: [
      { title: ["File and place", "文件与位置"], cell: fileCell },
      { title: ["Column", "列"], cell: (row) => datum(refused.at("column", row)) },
      { title: ["Reason", "原因"], cell: (row) => el("div", {}, pair(refused, "reason", row)) },
      { title: ["What stands there", "原值"], cell: (row) => datum(refused.at("value", row)) },
      { title: ["How to release", "如何放行"], cell: (row) => el("div", {}, release(row)) },
    ],
    empty: ["The quarantine is empty: every record that came in is loaded.", "隔离区为空：收到的记录均已载入。"],
  });
})();
