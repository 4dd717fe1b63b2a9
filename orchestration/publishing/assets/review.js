/* The morning review: the charts of its head, the ways into its lists, and the start.
   Belongs here: what stands outside the lists. Not here: the lists (review_*.js), how a chart is drawn (charts.js), any
   figure (compose.py). */
"use strict";
(() => {
  const { data, charts } = stageproof;
  const { tables } = stageproof.review;

  // Charts of the head

  const { trend } = tables;
  const all = Array.from({ length: trend.rows }, (_, night) => night);
  const of = (name) => all.map((night) => trend.at(name, night));
  const categories = all.map((night) => trend.at("business_date", night));
  const units = (cents) => (cents === null ? null : Number(cents) / 100);
  const cards = {
    opened: {
      label: ["New and closed violations each night", "每晚新增与关闭的违规"],
      format: "number",
      series: [
        { kind: "bar", name: ["New", "新增"], values: of("opened"), colour: "--block" },
        { kind: "bar", name: ["Closed", "关闭"], values: of("closed"), colour: "--good" },
      ],
    },
    amount: {
      label: [`Amount at risk each night, ${data.currency}`, `每晚风险金额，${data.currency}`],
      format: "money",
      series: [{ kind: "line", name: ["At risk", "风险金额"], values: of("amount").map(units), colour: "--link" }],
    },
    open: {
      label: ["Open violations each night, blocking ones and warnings", "每晚未解决的违规：阻断与提醒"],
      format: "number",
      series: [
        { kind: "bar", name: ["Blocking", "阻断"], values: of("open_block"), colour: "--block", stack: "open" },
        { kind: "bar", name: ["Warnings", "提醒"], values: of("open_warn"), colour: "--amber", stack: "open" },
      ],
    },
  };
  for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
    charts.draw(canvas, { ...cards[canvas.dataset.chart], categories, isSmall: true });
  }

  // Shortcuts from elsewhere on the page into the list of violations

  const { violations } = tables;
  const hasNew = Array.from({ length: violations.rows }, (_, row) => violations.at("is_new", row)).includes(1);
  for (const button of document.querySelectorAll("button[data-owner]")) {
    button.addEventListener("click", () => stageproof.review.violationList.only("owner", button.dataset.owner, hasNew ? "new" : "open"));
  }
  for (const button of document.querySelectorAll("button[data-rule]")) {
    button.addEventListener("click", () => stageproof.review.violationList.only("rule", button.dataset.rule, "open"));
  }

  stageproof.start();
})();
