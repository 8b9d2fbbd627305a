"""The two engines behind `database`: one file of SQLite, or PostgreSQL."""
