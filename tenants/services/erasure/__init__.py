"""Writes: erasing people and organisations, so that nothing of them is left, and saying so in writing.

Everything here may be killed at any point and run again: the order lies in a tombstone outside the database, and
each step removes what is still there. An organisation's rows go as docent_app in its own context, where no
other organisation's can be reached; its audit log goes last, as the owner, who alone may.
"""

from tenants.services.erasure.orders import finish_erasures, replay_erasures
from tenants.services.erasure.organisations import erase_tenant, order_tenant_erasure
from tenants.services.erasure.people import erase_person, erase_person_everywhere

__all__ = [
    "erase_person",
    "erase_person_everywhere",
    "erase_tenant",
    "finish_erasures",
    "order_tenant_erasure",
    "replay_erasures",
]
