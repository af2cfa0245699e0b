/** A part of a page that could not be fetched says so, and offers to try again. */

import { sentence } from "./strings.js";

/**
 * @param {Element} part whose content was not to be had
 * @param {() => void} again
 * @param {string} [words] what went wrong
 */
export function showFailure(part, again, words = sentence("failed")) {
  const notice = document.createElement("p");
  notice.className = "part-failed";
  notice.setAttribute("role", "alert");
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "small", textContent: sentence("try_again") });
  button.addEventListener("click", () => {
    part.replaceChildren();
    again();
  });
  notice.append(words, " ", button);
  part.replaceChildren(notice);
}
