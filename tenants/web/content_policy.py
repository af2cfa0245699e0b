"""The content security policy of pages whose scripts are a framework's."""

from csp.decorators import csp_replace

# Django's administration and the API's page know no nonces and write HTML themselves. On this site lie files that
# people uploaded too, but each is sent as an attachment of no type that runs.
frameworks_scripts = csp_replace(
    {"script-src": ["'self'"], "require-trusted-types-for": None, "trusted-types": None}
)
