/** Requests to the portal's own views: same origin, with the CSRF token, errors as sentences. */

const token = /** @type {HTMLMetaElement} */ (document.querySelector('meta[name="csrf-token"]')).content;

export const csrfHeader = { "X-CSRFToken": token };

/** A refusal by the server; its message may be shown to people. */
export class RequestRefused extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * @param {string} url
 * @returns {Promise<any>} the JSON answer
 * @throws {RequestRefused} for any status but 2xx
 * @throws {TypeError} when the server cannot be reached
 */
export async function getJSON(url) {
  return answer(await fetch(url, { headers: { Accept: "application/json" } }));
}

/**
 * @param {string} url
 * @param {object} body
 * @returns {Promise<any>} the JSON answer
 * @throws {RequestRefused} for any status but 2xx
 * @throws {TypeError} when the server cannot be reached
 */
export async function postJSON(url, body) {
  const headers = { ...csrfHeader, Accept: "application/json", "Content-Type": "application/json" };
  return answer(await fetch(url, { method: "POST", headers, body: JSON.stringify(body) }));
}

/**
 * Sends a form without leaving the page.
 *
 * @param {HTMLFormElement} form
 * @returns {Promise<Response>} where the form led
 * @throws {RequestRefused} for any status but 2xx
 * @throws {TypeError} when the server cannot be reached
 */
export async function postForm(form) {
  const headers = { ...csrfHeader, Accept: "application/json" };
  const response = await fetch(form.action, { method: "POST", headers, body: new FormData(form) });
  if (!response.ok) throw new RequestRefused(response.status, await refusal(response));
  return response;
}

/** @param {Response} response */
async function answer(response) {
  if (!response.ok) throw new RequestRefused(response.status, await refusal(response));
  return response.json();
}

/** @param {Response} response */
async function refusal(response) {
  if (!response.headers.get("Content-Type")?.includes("json")) return "";
  return (await response.json()).detail ?? "";
}
