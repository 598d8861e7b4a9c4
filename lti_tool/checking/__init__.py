"""Is everything connected and in order? One truth for `roadmap check` and the admin's page."""
