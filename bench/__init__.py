"""`make bench`: what the product costs, as ratios against the raw limit measured beside it in the same run."""
