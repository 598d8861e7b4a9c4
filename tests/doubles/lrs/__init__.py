"""Foreign LRSs, rebuilt from what was measured of them (reference/xapi.md section 3)."""
