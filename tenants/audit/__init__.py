"""The audit log: recording what changed, sealing it into chains, and verifying those."""
