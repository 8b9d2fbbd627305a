"""Numbers, pure: taste, ranking, features, and the starter library."""
