"""The administration of one municipality: how the service is, and what to do about it."""
