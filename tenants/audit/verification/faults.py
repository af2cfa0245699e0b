"""What can be wrong with a chain, and the evidence that is gathered on the way."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tenants.audit.chain import EventText


class FaultKind(StrEnum):
    EDITED = "edited"  # the event is not what was sealed
    SEAL_ALTERED = "seal_altered"  # the seal is not what was made; its event is what was sealed
    FORGED = "forged"  # a seal after the last one that was made
    MISSING = "missing"
    MOVED = "moved"  # between organisations
    REORDERED = "reordered"
    HEAD = "head"  # the chain's end and the state folder's copy of it disagree
    UNSEALED = "unsealed"


@dataclass(frozen=True, slots=True)
class Fault:
    """`number` is the place in the chain, `event_id` the event; None where the fault has none."""

    kind: FaultKind
    detail: str
    number: int | None = None
    event_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as it stands; `event` is None when there is no such event in its tenant."""

    number: int
    digest: bytes
    event_id: UUID
    event: EventText | None


@dataclass(frozen=True, slots=True)
class Suspect:
    """A seal whose digest does not follow from its event and `base`, the digest that stands before it."""

    number: int
    digest: bytes
    event_id: UUID
    event: EventText
    base: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of which no seal is left; `base` is the digest that stands before the first."""

    first: int
    last: int
    base: bytes

    @property
    def fault(self) -> Fault:
        numbers = f"seal {self.first} is" if self.first == self.last else f"seals {self.first} to {self.last} are"
        return Fault(FaultKind.MISSING, f"{numbers} missing; the next one cannot be checked", self.first)


def orphan_fault(seal: Seal) -> Fault:
    """A seal that has lost its event."""
    return Fault(FaultKind.MISSING, "the event is missing; its seal is there", seal.number, seal.event_id)


def doubt_fault(suspect: Suspect, *, made_up_to: int) -> Fault:
    """A suspect for which nothing vouches. `made_up_to` is the number of the last seal that was made."""
    if suspect.number > made_up_to:
        return Fault(FaultKind.FORGED, "this seal was never made", suspect.number, suspect.event_id)
    detail = "the event, its seal or both are not what they were"
    return Fault(FaultKind.EDITED, detail, suspect.number, suspect.event_id)
