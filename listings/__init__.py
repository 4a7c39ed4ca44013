"""The heart: every camera, its state, its history and its money."""
