"""LTI 1.3: login, launch, keys, services. The only room that knows pylti1p3."""
