"""What lower apps publish and upper apps fill in `AppConfig.ready`: no signals for domain logic."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec
from uuid import UUID

P = ParamSpec("P")


class Registry(Generic[P]):
    """Functions that are called, in the order of registration, inside the caller's transaction."""

    def __init__(self) -> None:
        self._functions: list[Callable[P, None]] = []

    def register(self, function: Callable[P, None]) -> Callable[P, None]:
        if function not in self._functions:
            self._functions.append(function)
        return function

    def call(self, *args: P.args, **kwargs: P.kwargs) -> None:
        for function in self._functions:
            function(*args, **kwargs)


# Called with the tenant's id inside its context, when the tenant is created.
on_tenant_created: Registry[[]] = Registry()

# Called in the tenant's unit with an `Access` and ids that it names in a body's `collections`; refuses those
# that it does not see.
on_collections_named: Registry[[Any, list[UUID]]] = Registry()

# Called in the tenant's unit with an `Access` and a dictionary, to which the collections that it sees are added:
# name by id, in the order in which people read them.
on_collections_listed: Registry[[Any, dict[UUID, str]]] = Registry()

# Called in the tenant's unit with the kind of a limit of the whole organisation, how many percent of it are used
# now or will be with what is about to be spent, the period in which that is news once ("": each time), and what
# there is to say of it.
on_quota_near: Registry[[Any, int, str, Mapping[str, Any]]] = Registry()

# Called in each tenant's unit with the id of a person whose traces go, and a count of removed rows by table to
# add to.
on_person_erased: Registry[[UUID, Counter[str]]] = Registry()

# Called in the tenant's unit with ids of whose use was counted and no member is, and a dictionary, to which the
# names of those that the app knows are added.
on_spenders_named: Registry[[list[UUID], dict[UUID, str]]] = Registry()

# Called in each tenant's unit with a function that takes a sealed secret and its purpose, and returns it under the
# installation's present key. Whatever an app has sealed is stored as it comes back.
on_keys_rotated: Registry[[Callable[[bytes, str], bytes]]] = Registry()
