"""Demo-LMS Musterstadt: a small learning platform that behaves like Moodle towards an LTI tool.

It is the platform of `make demo` and the platform double of the tests: own keys, OIDC and token
endpoints, line items, members, a learning-plan web service, courses, and completions reported
as xAPI in the shape of Moodle's logstore plugin. It shares no code with the tool: it knows the
tool only by the standards (LTI 1.3, AGS, NRPS, xAPI). Not for production: anyone may be anyone.

Source for the behaviour: Moodle 4.5 as observed (see docs of the project).
"""

from demo.app import create_app
from demo.config import Config, configure

__all__ = ["Config", "configure", "create_app"]
