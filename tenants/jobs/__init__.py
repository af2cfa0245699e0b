"""Background work that cannot get lost: outbox, leases, dead letters."""
