"""amoCRM and Kommo: one folder turns their wire format into facts, and effects into calls."""
