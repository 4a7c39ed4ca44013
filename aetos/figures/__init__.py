"""The page of figures: it lies here since it needs the listings as well as the search plans."""
