"""A person's own files: found, looked into, and put on the box or into the cloud, one clear line for each."""
