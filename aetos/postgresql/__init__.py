"""Django's backend for PostgreSQL, with two things quicker that every request pays for."""
