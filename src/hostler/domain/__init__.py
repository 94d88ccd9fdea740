"""The nouns of the product and their rules: standard library only, no I/O, no clock."""
