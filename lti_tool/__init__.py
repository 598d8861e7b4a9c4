"""The house the LMS visits: launch, pages, storage, jobs, command line."""
