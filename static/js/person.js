/** The person's own socket, one per page: titles, running replies and the progress of documents. */

import { watchConnection } from "./banner.js";
import { Socket } from "./socket.js";

const path = document.getElementById("sidebar").dataset.socketUrl;

export const person = new Socket(path);

watchConnection(person);
