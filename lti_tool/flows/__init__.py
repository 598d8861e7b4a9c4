"""The arrows of the house: admit, assess, observe, plan, deliver. No framework, no SQL."""
