"""The words and the arithmetic, pure: framework, roles, items, assessment, profile, path."""
