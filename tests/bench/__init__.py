"""`make bench`: the main jobs against the fewest requests and the least time that a portal's limits allow."""
