"""Stands in for the cloud: the API server, its database and its file storage."""
