// Keys that every page of people with an account knows; what a page has of its own says so in its markup:
// data-go: g and then the letter leads there. data-key: the letter presses it. data-find: where / leads.
// .row-link: what j and k walk over. Every page works without this file.
(() => {
  "use strict";
  const typing = (target) => target.closest("input:not([type=radio], [type=checkbox]), select, textarea, [contenteditable]") !== null;
  const shown = (element) => element.offsetParent !== null && !element.disabled;
  const named = (name, key) => [...document.querySelectorAll(`[${name}]`)].find((e) => e.getAttribute(name) === key && shown(e));
  const dialog = () => document.querySelector("#keys");
  let going = 0; // until when a letter after g is a place

  const move = (step) => {
    const all = [...document.querySelectorAll(".row-link")].filter(shown);
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
    next.focus();
    (next.closest("tr, li") ?? next).scrollIntoView({ block: "nearest" });
  };

  const find = () => {
    const field = document.querySelector("[data-find]");
    if (!field) return false;
    const folded = field.closest("details");
    if (folded) folded.open = true;
    field.focus();
    field.select?.(); // a list of choices has no text to select
    return true;
  };

  const press = (event) => {
    if (Date.now() < going) {
      going = 0;
      const place = named("data-go", event.key);
      if (place) place.click();
      return Boolean(place);
    }
    const own = named("data-key", event.key);
    if (own) {
      own.focus();
      own.click();
      return true;
    }
    if (event.key === "g") going = Date.now() + 1500;
    if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
    if (event.key === "/") return find();
    if (event.key === "?") dialog()?.showModal();
    return "gjk?".includes(event.key);
  };

  document.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = event.target.closest("form");
      if (!form) return;
      event.preventDefault();
      return form.requestSubmit(form.querySelector("[data-send]"));
    }
    if (event.ctrlKey || event.metaKey || event.altKey || dialog()?.open) return;
    if (event.key === "Escape" && typing(event.target)) return event.target.blur();
    if (!typing(event.target) && event.key.length === 1 && press(event)) event.preventDefault();
  });

  // A form that is on its way is not sent again by an impatient finger; one with data-download leaves the page as it is.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post" || "download" in event.target.dataset) return;
    if (event.target.dataset.sent) return event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent));

  document.addEventListener("DOMContentLoaded", () => {
    const open = document.querySelector("#keys-open");
    if (open) {
      open.hidden = false;
      open.addEventListener("click", () => dialog()?.showModal());
    }
    document.querySelector(".govuk-error-summary")?.focus();
  });
})();
