"""Sound, pure: scenes in, samples out. Knows nothing of databases, people or networks."""
