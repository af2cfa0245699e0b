/** What every page inside an organisation does. */

import { watchNetwork } from "./banner.js";
import { listsShortcuts } from "./dialogs.js";
import { keepForms } from "./forms.js";
import { closeMenusWhenLeft } from "./menus.js";
import { addConversation, addressOf, fetchOlder, markRunning, moveToTop } from "./conversation_list.js";
import { removeConversation, renameConversation, renewList, rowOf } from "./conversation_list.js";
import { bringsBack } from "./deeds.js";
import { person } from "./person.js";
import { renamesInPlace, showRenamed } from "./renaming.js";
import { opensRowMenus } from "./row_menu.js";
import { openSearch, opensSearch } from "./search_dialog.js";
import { listenForShortcuts, onShortcut } from "./shortcuts.js";
import { moveDrawer } from "./sidebar.js";
import { offerThemes } from "./theme.js";
import "./zone.js";

offerThemes();
listenForShortcuts();
closeMenusWhenLeft();
onShortcut("sidebar", moveDrawer());
onShortcut("shortcuts", listsShortcuts());
onShortcut("search", openSearch);
watchNetwork();
keepForms();
fetchOlder();
bringsBack();
renamesInPlace();
showRenamed();
opensRowMenus();
opensSearch();

person.addEventListener("frame", (event) => {
  const frame = /** @type {CustomEvent} */ (event).detail;
  if (frame.type === "title") showTitle(frame);
  if (frame.type === "renamed") renameConversation(frame.conversation, frame.title);
  if (frame.type === "running") markRunning(frame.conversation, frame.running);
  if (frame.type === "gone") frame.conversations.forEach(removeConversation);
  if (frame.type === "back") renewList().catch(() => {});
});

/** @param {{conversation: string, title: string}} frame of one that was begun or asked, here or elsewhere */
function showTitle({ conversation, title }) {
  if (rowOf(conversation)) renameConversation(conversation, title);
  else addConversation({ id: conversation, title, url: addressOf(conversation) });
  moveToTop(conversation);
}
