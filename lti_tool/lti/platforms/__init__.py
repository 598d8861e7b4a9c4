"""What differs per LMS, small and named."""
