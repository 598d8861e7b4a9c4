"""The words and the arithmetic: framework, roles, items, assessment, evidence, profile, path. Pure."""
