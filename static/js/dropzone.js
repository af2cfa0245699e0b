/** Files reach the page by drag and drop anywhere, by paste, and through the file field. */

/**
 * @param {HTMLInputElement} field
 * @param {(files: File[]) => void} receive
 */
export function receiveFiles(field, receive) {
  const overlay = /** @type {HTMLElement} */ (document.querySelector("[data-drop-overlay]"));
  // Entering a child fires before leaving its parent: only the balance says whether the pointer is over the window.
  let depth = 0;
  const holdsFiles = (/** @type {DragEvent} */ event) => event.dataTransfer.types.includes("Files");
  const over = (/** @type {number} */ change) => {
    depth = Math.max(0, depth + change);
    overlay.hidden = depth === 0;
  };
  addEventListener("dragenter", (event) => holdsFiles(event) && over(1));
  addEventListener("dragleave", (event) => holdsFiles(event) && over(-1));
  addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    over(-depth);
    receive([...event.dataTransfer.files]);
  });
  addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    receive(files);
  });
  field.addEventListener("change", () => {
    receive([...field.files]);
    field.value = "";
  });
}
