/* What is expected month by month, above the tables of periods. */
"use strict";
(() => {
  const { data } = stageproof;
  const { tables } = stageproof.review;
  const { ofView, part, units } = stageproof.views;

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
})();
