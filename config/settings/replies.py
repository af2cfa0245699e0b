"""Settings of answers while they are written: how many at once, how long, and for whom they are kept ready."""

import environ

env = environ.Env()

# Answers that one model writes at once: all together, and of one organisation; 0 for the first: any number.
DOCENT_MODEL_STREAMS = env.int("DOCENT_MODEL_STREAMS", default=256)
DOCENT_TENANT_STREAMS = env.int("DOCENT_TENANT_STREAMS", default=192)
# Of one answer: seconds from when the model begins, and characters, thinking included.
DOCENT_REPLY_SECONDS = env.float("DOCENT_REPLY_SECONDS", default=600.0)
DOCENT_REPLY_CHARACTERS = env.int("DOCENT_REPLY_CHARACTERS", default=100_000)
# Seconds that one waits in line for a model.
DOCENT_QUEUE_SECONDS = env.float("DOCENT_QUEUE_SECONDS", default=180.0)
# Seconds for which a reader may take nothing of what it is sent.
DOCENT_READER_SECONDS = env.float("DOCENT_READER_SECONDS", default=20.0)
# Seconds that a temporary conversation stays after its last page was closed; a reload takes less.
DOCENT_TEMPORARY_SECONDS = env.float("DOCENT_TEMPORARY_SECONDS", default=60.0)
# Seconds that answers have to end when their process is told to.
DOCENT_DRAIN_SECONDS = min(env.float("DOCENT_DRAIN_SECONDS", default=30.0), 60.0)
# In these it still answers who has a connection, and tells them to look for another one.
DOCENT_LINGER_SECONDS = min(env.float("DOCENT_LINGER_SECONDS", default=5.0), DOCENT_DRAIN_SECONDS)
