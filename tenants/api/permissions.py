"""DRF asks the one permission table."""

from typing import Any, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.access import Access
from tenants.permissions import Action


class PermissionTable(BasePermission):
    """Each view says `actions = {"GET": Action.…}`; a method without an entry is refused."""

    def has_permission(self, request: Request, view: Any) -> bool:
        access = cast("Access | None", request.auth)
        if access is None:
            return False
        method = "GET" if request.method == "HEAD" else request.method
        action: Action | None = view.actions_by_method.get(method)
        if action is None:
            # Not in the table: let DRF answer 405 for what no handler serves, refuse all else.
            return not hasattr(view, (request.method or "").lower())
        access.require(action)
        return True
