"""What lower apps publish and upper apps fill in `AppConfig.ready`: no signals for domain logic."""

from collections.abc import Callable
from typing import Generic, ParamSpec

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
