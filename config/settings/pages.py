"""What browsers are told about every page."""

from csp.constants import NONCE

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        # A file that somebody uploaded is on this site too: of scripts the page has to know each.
        "script-src": [NONCE],
        "style-src": ["'self'", NONCE],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        # HTML enters a page by one door, static/js/html.js.
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["docent"],
    }
}
