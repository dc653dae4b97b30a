// What the intake form does at once: the chosen channel's fields, names completed, Enter that goes on. It works without.
(() => {
  "use strict";
  const form = document.querySelector("#intake");
  const folded = (text) => text.toLowerCase().replace(/[\s·/]/g, "");

  // The units that a text may mean, as the server finds them: exactly one, else agencies before their sections.
  const meant = (field) => {
    const wanted = folded(field.value);
    if (!wanted) return [];
    const names = (option) => [option.value, ...option.label.split(/\s(.*)/)].map(folded).filter(Boolean);
    const all = [...document.getElementById(field.getAttribute("list")).options];
    const exact = all.find((option) => names(option).includes(wanted));
    const part = all.filter((option) => names(option).some((name) => name.includes(wanted)));
    const agencies = part.filter((option) => !option.value.includes("·"));
    return exact ? [exact] : agencies.length ? agencies : part;
  };
  const say = (field) => {
    const found = meant(field);
    const output = document.getElementById(`${field.id}-means`);
    output.textContent = !found.length || found[0].value === field.value ? "" : `→ ${found.slice(0, 3).map((o) => o.value).join("  |  ")}${found.length > 3 ? " …" : ""}`;
  };
  const complete = (field) => {
    const found = meant(field);
    if (found.length && field.value !== found[0].value) {
      field.value = found[0].value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    say(field);
  };
  document.addEventListener("input", (event) => event.target.matches("[data-complete]") && say(event.target));
  document.addEventListener("focusout", (event) => event.target.matches("[data-complete]") && complete(event.target));
  if (!form) return;

  const choose = (channel) => {
    form.querySelectorAll(".channel-fields").forEach((fields) => {
      fields.hidden = fields.disabled = fields.dataset.channel !== channel;
    });
  };
  const begin = () => {
    const empty = [...form.querySelectorAll(".channel-fields:not([hidden]) input")].find((field) => !field.value);
    (form.querySelector(".channel-fields:not([hidden]) .needed") && empty ? empty : form.querySelector("#text")).focus();
  };
  const walk = (from) => {
    const all = [...form.querySelectorAll("input, select, textarea, button")].filter((e) => e.offsetParent !== null && !e.disabled && e.id);
    all[all.indexOf(from) + 1]?.focus();
  };

  form.querySelector("#switch").hidden = true;
  form.addEventListener("change", (event) => event.target.name === "channel" && choose(event.target.value));
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || document.querySelector("#keys").open) return;
    const key = event.code.startsWith("Digit") ? event.code[5] : event.code === "Minus" ? "-" : event.key; // Alt alters it on a Mac
    const radio = form.querySelector(`[data-alt="${CSS.escape(key)}"]`);
    if (radio && (event.altKey || event.target === document.body || event.target.name === "channel")) {
      event.preventDefault();
      radio.click();
      begin();
    } else if (event.altKey && event.key === "p") {
      event.preventDefault();
      form.querySelector("#who").open = true;
      form.querySelector("#name").focus();
    } else if (event.key === "Enter" && event.target.matches("#intake input")) {
      event.preventDefault(); // an Enter too many would enter half a case
      if (event.target.matches("[data-complete]")) complete(event.target);
      walk(event.target);
    }
  });
})();
