"""Questions in the formats of other programs, both ways: GIFT, Moodle XML, QTI 3; catquiz numbers.

A row is a question as it stands in items.json. What a format, or our rows, cannot hold is a `Note`:
nothing is left out in silence. XML is read without DTDs and entities (only here: defusedxml).
"""
