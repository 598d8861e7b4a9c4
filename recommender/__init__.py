"""Profile + target + catalogue -> ranked choices -> path, with reasons. Pure."""
