"""End-to-end tests: the real service process against imitated sources and channels."""
