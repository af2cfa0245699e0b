"""From digests that do not fit to what was done: edited, exchanged or resealed.

A digest is vouched for when the head holds it, or when a later seal follows from it: nobody without the key can
make such a pair. So an event that fails under a vouched seal was edited, and a seal that fails while the digest
computed in its place is vouched for was itself altered.
"""

from collections.abc import Sequence
from uuid import UUID

from tenants.audit.chain import START, digest_of
from tenants.audit.verification.faults import Fault, FaultKind, Suspect

# Beyond so many, who changed places with whom is not worked out: the time grows with their third power.
_MOST_COMPARED = 50


class Reasons:
    """The suspects of one chain. `vouched` is what its head and its sound seals vouch for, by number."""

    def __init__(self, tenant_id: UUID, suspects: Sequence[Suspect], vouched: dict[int, bytes]) -> None:
        self._tenant_id = tenant_id
        self._suspects = suspects
        self._vouched = dict(vouched)
        self._corrected = self._recompute()
        self._innocent: set[int] = set()
        self._exchanged: dict[int, int] = {}
        if len(suspects) <= _MOST_COMPARED:
            self._compare()

    def faults(self) -> tuple[list[Fault], list[Suspect]]:
        """What was done, and the suspects for which nothing vouches."""
        faults: list[Fault] = []
        unexplained = []
        for one in reversed(self._suspects):
            if one.number in self._innocent:
                continue
            if one.number in self._exchanged:
                detail = f"what was sealed as {one.number} stands at {self._exchanged[one.number]}"
                faults.append(Fault(FaultKind.REORDERED, detail, one.number, one.event_id))
            elif self._vouched.get(one.number) == one.digest:
                faults.append(self._edited(one))
            elif self._vouched.get(one.number) == self._corrected[one.number]:
                detail = "the seal was altered; its event is what was sealed"
                faults.append(Fault(FaultKind.SEAL_ALTERED, detail, one.number, one.event_id))
                self._vouched.setdefault(one.number - 1, self._base(one))
            else:
                unexplained.append(one)
        return faults, unexplained

    def _edited(self, one: Suspect) -> Fault:
        before = one.number - 1
        is_proven = before not in self._corrected or self._vouched.get(before) == one.base
        detail = "the event is not what was sealed"
        if not is_proven:
            detail = "the event, or only what stands before it, is not what was sealed"
        return Fault(FaultKind.EDITED, detail, one.number, one.event_id)

    def _base(self, one: Suspect) -> bytes:
        """The digest before it as it must have been if only seals were altered."""
        return self._corrected.get(one.number - 1, one.base)

    def _recompute(self) -> dict[int, bytes]:
        corrected: dict[int, bytes] = {}
        for one in self._suspects:
            base = corrected.get(one.number - 1, one.base)
            corrected[one.number] = digest_of(base, self._tenant_id, one.number, one.event)
        return corrected

    def _compare(self) -> None:
        """Find whose fault is only what stands before it, and who stands in another's place."""
        pool = {START.digest, *self._corrected.values(), *(one.digest for one in self._suspects)}
        for one in self._suspects:
            for base in pool:
                if digest_of(base, self._tenant_id, one.number, one.event) == one.digest:
                    self._innocent.add(one.number)
                    self._vouched[one.number - 1] = base
        for one in self._suspects:
            if one.number not in self._innocent:
                self._find_exchange(one, pool | {one.base})

    def _find_exchange(self, one: Suspect, bases: set[bytes]) -> None:
        for other in self._suspects:
            if other is one:
                continue
            for base in bases:
                digest = digest_of(base, self._tenant_id, one.number, other.event)
                # Either the events changed places under their seals, or the seals did with them.
                if digest in {one.digest, other.digest}:
                    self._exchanged[one.number] = other.number
                    self._vouched[one.number - 1] = base
