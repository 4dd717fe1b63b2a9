/* Rows as files: CSV and XLSX, in which no text of a deal can become a formula.
   Belongs here: how a cell is written. Not here: which rows and columns.

   A sheet is {columns: [{title, kind}], rows: [[value]]}; a kind is text, number, money (BigInt cents) or date (ISO). */
"use strict";
stageproof.exports = (() => {
  const { plainMoney } = stageproof;
  // Excel's own limit.
  const LONGEST_CELL = 32767;

  /* Spreadsheets take a cell for a formula that begins with one of these, also after blanks and quotes, also in full
     width (the East Asian form of = + - @). Where the reader's list separator is the semicolon, a new cell begins
     after it even within a text, and so after a tab and a line break. */
  const BLANKS = "[\\s\\p{Cf}\\p{Zs}\"'`‘’“”«»]*";
  const FORMULA = "[=+\\-@＝＋－＠﹦﹢﹣﹫|%]";
  const AT_FIRST = new RegExp(`^(?=${BLANKS}${FORMULA}|[\\t\\r\\n])`, "u");
  const WITHIN = new RegExp(`([;\\t\\r\\n])(?=${BLANKS}${FORMULA})`, "gu");
  const harmless = (text) => text.replace(WITHIN, "$1'").replace(AT_FIRST, "'");

  const csvCell = (kind, value) => {
    if (value === null || value === undefined) return "";
    if (kind === "money") return plainMoney(value);
    if (kind === "number") return String(value);
    if (kind === "date") return value;
    return `"${harmless(String(value)).replaceAll('"', '""')}"`;
  };
  /* A byte order mark first: without it Excel reads Chinese as mojibake. */
  const csv = ({ columns, rows }) => {
    const head = columns.map((each) => csvCell("text", each.title)).join(",");
    const body = rows.map((row) => row.map((value, place) => csvCell(columns[place].kind, value)).join(","));
    return new Blob(["\ufeff", [head, ...body].join("\r\n"), "\r\n"], { type: "text/csv;charset=utf-8" });
  };

  // XML knows no control characters and no half of a surrogate pair.
  const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
  const xlsxCell = (kind, value) => {
    if (value === null || value === undefined) return null;
    if (kind === "money") return { value: Number(value) / 100, type: Number, format: "#,##0.00" };
    if (kind === "number") return { value, type: Number };
    if (kind === "date") return { value: new Date(`${value}T00:00:00Z`), type: Date, format: "yyyy-mm-dd" };
    // A text is stored as a text, so it stays one, whatever it begins with.
    return { value: String(value).replace(NOT_XML, "").slice(0, LONGEST_CELL), type: String };
  };
  const WIDTHS = { text: 24, number: 10, money: 16, date: 12 };
  const sheet = ({ name, columns, rows }) => ({
    data: [
      columns.map((each) => ({ value: each.title, type: String, fontWeight: "bold" })),
      ...rows.map((row) => row.map((value, place) => xlsxCell(columns[place].kind, value))),
    ],
    sheet: name,
    columns: columns.map((each) => ({ width: each.width ?? WIDTHS[each.kind] })),
    stickyRowsCount: 1,
  });
  const xlsx = (sheets) => writeXlsxFile(sheets.map(sheet)).toBlob();

  const save = (blob, name) => {
    const address = URL.createObjectURL(blob);
    const link = stageproof.el("a", { href: address, download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
    // The browser has to have begun to read before the address may go.
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  };

  return { csv, xlsx, save, harmless };
})();
