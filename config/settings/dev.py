"""One machine, plain http: what `make run` starts."""

from config.settings.base import *  # noqa: F403

DEBUG = False
# Without user namespaces and seccomp there is no wall round the parsers; on a laptop that is a warning.
DOCENT_ALLOW_UNISOLATED_PARSER = True
# The machine is whose organisation it is.
DOCENT_TENANTS_MANAGE_MODELS = env.bool("DOCENT_TENANTS_MANAGE_MODELS", default=True)  # noqa: F405
