"""What a model thinks before it answers: how long that takes, and as much of it as is kept."""

import time
from dataclasses import dataclass, field

from conversations.events import ThinkingAdded
from conversations.models import MAX_THOUGHTS
from providers.chat.base import ChatDelta

CUT = "…"


@dataclass(slots=True)
class Thinking:
    """The thoughts of one answer while it is written. `seconds` counts those of its first part, too."""

    seconds: float = 0.0
    text: str = ""
    _since: float | None = field(default=None, repr=False)

    def take(self, delta: ChatDelta) -> ThinkingAdded | None:
        """Take note of a delta; what of it is to be shown."""
        now = time.perf_counter()
        if self._since is not None:
            self.seconds, self._since = self.seconds + now - self._since, now
        if not delta.thinking:
            self._since = None
            return None
        self._since = now
        return self._added(delta.thinking)

    def _added(self, thought: str) -> ThinkingAdded | None:
        before = len(self.text)
        if before >= MAX_THOUGHTS:
            return None
        kept = thought if before + len(thought) <= MAX_THOUGHTS else thought[: MAX_THOUGHTS - before - 1] + CUT
        self.text += kept
        return ThinkingAdded(before, kept)
