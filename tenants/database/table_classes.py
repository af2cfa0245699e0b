"""The three classes of table. What is in neither list must be a `TenantModel`; the catalog gate reads this."""

# Shared by all tenants: people, organisations, sessions, and what the frameworks keep about them.
GLOBAL_TABLES = frozenset(
    {
        "account_emailaddress",
        "account_emailconfirmation",
        "auth_group",
        "auth_group_permissions",
        "auth_permission",
        "django_admin_log",
        "django_content_type",
        "django_migrations",
        "django_session",
        "mfa_authenticator",
        "socialaccount_socialaccount",
        "socialaccount_socialapp",
        "socialaccount_socialtoken",
        "tenants_tenant",
        "tenants_tenanttotals",
        "tenants_user",
        "tenants_user_groups",
        "tenants_user_user_permissions",
        "usersessions_usersession",
    }
)

# What must be found before or across tenants: ids, kinds, times, attempts; no content.
DISPATCH_TABLES = frozenset({"tenants_job", "tenants_replylease", "tenants_revocation"})
