/** What every page inside an organisation does. */

import { watchNetwork } from "./banner.js";
import { listsShortcuts } from "./dialogs.js";
import { keepForms } from "./forms.js";
import { closeMenusWhenLeft } from "./menus.js";
import { person } from "./person.js";
import { listenForShortcuts, onShortcut } from "./shortcuts.js";
import { markRunning, moveDrawer, renameConversation } from "./sidebar.js";
import { offerThemes } from "./theme.js";

offerThemes();
listenForShortcuts();
closeMenusWhenLeft();
onShortcut("sidebar", moveDrawer());
onShortcut("shortcuts", listsShortcuts());
watchNetwork();
keepForms();

person.addEventListener("frame", (event) => {
  const frame = /** @type {CustomEvent} */ (event).detail;
  if (frame.type === "title") renameConversation(frame.conversation, frame.title);
  if (frame.type === "running") markRunning(frame.conversation, frame.running);
});
