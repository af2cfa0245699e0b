/** Models: while one is being fetched the page renews itself. */

import { onRenewed, renewSoon } from "./live.js";

function watch() {
  if (document.querySelector("[data-running]")) renewSoon();
}

onRenewed(watch);
watch();
