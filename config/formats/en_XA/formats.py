"""The pseudo-language's: a decimal comma, so that a number in an attribute that was not unlocalised shows."""

DECIMAL_SEPARATOR = ","
THOUSAND_SEPARATOR = "."
NUMBER_GROUPING = 3
