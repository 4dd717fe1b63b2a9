"use strict";
(() => {
  const root = document.documentElement;
  const buttons = [...document.querySelectorAll("button[data-language]")];
  const choose = (language) => {
    root.lang = language === "zh" ? "zh-CN" : "en";
    root.dataset.language = language;
    document.title = root.dataset[`title${language === "zh" ? "Zh" : "En"}`];
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.language === language));
    }
  };
  for (const button of buttons) {
    button.addEventListener("click", () => choose(button.dataset.language));
  }
  document.querySelector(".languages").hidden = false;

  const folded = () => [...document.querySelectorAll("details:not([open])")];
  // Paper has no click: what is folded on screen is printed, and folded again afterwards.
  let unfoldedForPrint = [];
  addEventListener("beforeprint", () => {
    unfoldedForPrint = folded();
    for (const each of unfoldedForPrint) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of unfoldedForPrint) each.open = false;
  });
})();
