/** A conversation that somebody shares: its answers show their sources as in the chat, and nothing can be asked. */

import { Answer } from "./answer.js";
import { openCitations } from "./citations.js";

for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".log .answer"))) {
  new Answer(element).adopt();
  for (const button of element.querySelectorAll("[data-retry], [data-regenerate], [data-continue]")) button.remove();
}
openCitations();
