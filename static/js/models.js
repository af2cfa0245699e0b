/** Models: while one is being fetched the page renews itself. */

import { onRenewed, renewSoon } from "./live.js";
import { person } from "./person.js";

function watch() {
  if (document.querySelector("[data-running]")) renewSoon();
}

onRenewed(watch);
watch();
// One that failed for want of a connection is made up for when it is back.
person.addEventListener("open", watch);
