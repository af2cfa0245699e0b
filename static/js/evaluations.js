/** Evaluations: while questions are being asked the page renews itself. */

import { onRenewed, renewSoon } from "./live.js";
import { person } from "./person.js";

function watch() {
  if (document.querySelector("[data-running]")) renewSoon();
}

// A run that is over has more to show than its line: figures and questions come with the whole page.
let wasRunning = Boolean(document.querySelector("[data-running]"));
onRenewed(() => {
  const isRunning = Boolean(document.querySelector("[data-running]"));
  if (wasRunning && !isRunning && document.querySelector('[data-live="run"]')) location.reload();
  wasRunning = isRunning;
  watch();
});
watch();
// One that failed for want of a connection is made up for when it is back.
person.addEventListener("open", watch);
