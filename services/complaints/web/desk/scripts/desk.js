// What the desk's forms do at once. Every page works without this file.
(() => {
  "use strict";
})();
