"""The two administrations, an organisation's own and the operator's, and what their pages share."""
