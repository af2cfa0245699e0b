/** Says in words why a passkey was not used. The exchange itself is django-allauth's own script. */

const notice = /** @type {HTMLElement} */ (document.querySelector("[data-passkey-error]"));

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  notice.textContent = window.PublicKeyCredential ? notice.dataset.failed : notice.dataset.unsupported;
  notice.hidden = false;
});
