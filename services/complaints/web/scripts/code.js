// Says at once that a receipt code was mistyped, in the reader's own browser: the server never tells a slip from a guess.
// ISO 7064 MOD 97-10 over 18 digits. Without this script the form works the same.
"use strict";
const field = document.getElementById("code");
const hint = document.getElementById("code-slip");
if (field && hint) {
  // While typing, never on leaving the field: a line that appears under the finger moves the button away from it.
  field.addEventListener("input", () => {
    const digits = field.value.normalize("NFKC").replace(/[\s-]/g, "");
    hint.hidden = digits.length < 18 || (/^\d{18}$/.test(digits) && BigInt(digits) % 97n === 1n);
  });
}
const print = document.getElementById("print");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
