"""Settings of webhooks: what they are sent by, and what receivers are given."""

import environ

env = environ.Env()

# Whether this worker sends, by threads beside its own work.
DOCENT_SENDS_WEBHOOKS = env.bool("DOCENT_SENDS_WEBHOOKS", default=False)
# Webhooks that are told something at the same time, by all processes together.
DOCENT_SENDERS = max(1, env.int("DOCENT_SENDERS", default=8))
# Receivers that may have a private address, any port or lack TLS, as host or host:port.
DOCENT_WEBHOOK_PRIVATE_HOSTS = frozenset(env.list("DOCENT_WEBHOOK_PRIVATE_HOSTS", default=[]))
DOCENT_WEBHOOK_SECONDS = env.float("DOCENT_WEBHOOK_SECONDS", default=10.0)
# Seconds until the next attempt, after the first one, the second one, and so on: eight attempts within a day.
DOCENT_WEBHOOK_RETRIES = [
    float(one) for one in env.list("DOCENT_WEBHOOK_RETRIES", default=[10, 120, 900, 3600, 10800, 25200, 43200])
]
# After so many days without a single success a webhook is disabled.
DOCENT_WEBHOOK_PATIENCE_DAYS = env.float("DOCENT_WEBHOOK_PATIENCE_DAYS", default=5.0)
