// Keys, filters that apply at once, and saying so when the live connection is lost. The board works without this file.
(() => {
  "use strict";
  const links = () => [...document.querySelectorAll(".row-link")].filter((link) => link.offsetParent !== null);
  const typing = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;

  const move = (step) => {
    const all = links();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
    next.focus();
    next.closest("tr").scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(event.target)) return event.target.blur();
    if (typing(event.target)) return;
    if (event.key === "j" || event.key === "k") {
      event.preventDefault();
      move(event.key === "j" ? 1 : -1);
    }
    if (event.key === "/") {
      const find = document.querySelector("#filter-q");
      if (!find) return;
      event.preventDefault();
      document.querySelector("#filters").open = true;
      find.focus();
      find.select();
    }
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest("#filter-form");
    if (form && event.target.matches("select")) form.requestSubmit();
  });

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "filter-form") return;
    // What is empty or usual says nothing: leave it out, so that the address stays short enough to send to somebody.
    for (const field of event.target.elements) {
      if (field.name && (!field.value || field.value === field.dataset.usual)) field.disabled = true;
    }
    document.querySelector("#board")?.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("#filter-form :disabled").forEach((field) => { field.disabled = false; });
    document.querySelector("#board")?.removeAttribute("aria-busy");
  });

  // What the reader has opened or is typing in stays as it is when the board refreshes itself.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const filters = document.querySelector("#filters");
    if (event.detail.target.id === "board" && filters && filters.contains(document.activeElement)) {
      event.detail.shouldSwap = false;
    }
  });
  document.addEventListener("DOMContentLoaded", () => {
    if (window.Idiomorph) {
      Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.tagName === "DETAILS");
    }
    const filters = document.querySelector("#filters");
    if (filters && window.matchMedia("(min-width: 64rem)").matches) filters.open = true;
  });

  const online = (yes) => document.querySelector("#fresh")?.classList.toggle("is-offline", !yes);
  document.addEventListener("htmx:sseOpen", () => {
    document.querySelector("#fresh")?.classList.add("is-live");
    online(true);
  });
  document.addEventListener("htmx:sseError", () => online(false));
})();
