"""Item parameters from real answers, and what few answers say about the rest. Pure; no I/O."""
