"""The three classes of table. What is in neither list must be a `TenantModel`; the catalog gate reads this."""

# Shared by all tenants: people, organisations, sessions, and what the frameworks keep about them.
GLOBAL_TABLES = frozenset(
    {
        "account_emailaddress",
        "account_emailconfirmation",
        "auth_group",
        "auth_group_permissions",
        "auth_permission",
        "django_content_type",
        "django_migrations",
        "django_session",
        "tenants_tenant",
        "tenants_user",
        "tenants_user_groups",
        "tenants_user_user_permissions",
    }
)

# What must be found before or across tenants: ids, kinds, times, attempts; no content.
DISPATCH_TABLES = frozenset({"tenants_job", "tenants_replylease"})
