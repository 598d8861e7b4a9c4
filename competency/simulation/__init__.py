"""Simulated examinees: how many questions the engine needs until its verdicts are right.

Truth, answers and cuts are drawn as reference assessment 7 says, and every question is chosen and
folded by the very functions of a real assessment. Verdicts are held against the true theta, never
against the engine's own full-length result. Figures: docs/adr/0019-choosing-questions.md.
"""
