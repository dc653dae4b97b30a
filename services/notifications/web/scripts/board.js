// Filters that apply at once, and saying so when the live connection is lost. The board works without this file.
(() => {
  "use strict";
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
