"""The scopes of platform services that we ask for: least first, and nothing else.

Source: AGS 2.0 section 4.1, NRPS 2.0 section 2.3.
"""

LINE_ITEM = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
MEMBERS = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
