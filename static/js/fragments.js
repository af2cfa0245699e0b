/** What stands for an id in addresses that the server rendered before the thing existed. */
export const NO_ID = "00000000-0000-0000-0000-000000000000";

/**
 * A fresh copy of the one element inside `<template id=…>`: markup stays in the server's templates.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function fragment(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {HTMLElement} */ (template.content.firstElementChild.cloneNode(true));
}
