// Says at once that a receipt code was mistyped, in the reader's own browser: the server never tells a slip from a guess.
// ISO 7064 MOD 97-10 over 18 digits. Without this script the form works the same.
"use strict";
const field = document.getElementById("code");
const hint = document.getElementById("code-slip");
if (field && hint) {
  const check = () => {
    const digits = field.value.normalize("NFKC").replace(/[\s-]/g, "");
    const whole = /^\d{18}$/.test(digits);
    hint.hidden = digits === "" || (whole && BigInt(digits) % 97n === 1n);
  };
  field.addEventListener("change", check);
  field.addEventListener("input", () => { if (!hint.hidden) check(); });
}
const print = document.getElementById("print");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
