/** The page of who reads a conversation: its links are copied with a click. */

import { copyLinks } from "./share.js";

copyLinks(document);
