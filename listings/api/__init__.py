"""The admin API of listings (contract, section 4)."""
