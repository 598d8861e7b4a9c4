"""Rows <-> values. The only room that knows SQLAlchemy."""
