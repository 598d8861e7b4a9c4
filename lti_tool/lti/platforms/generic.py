"""Any LTI 1.3 platform."""

LEEWAY_S = 10.0  # PyLTI1p3 #146: launches failed at 0.15 s offset without any
