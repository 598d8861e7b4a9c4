"""The embedded LRS at /xapi: all resources of xAPI 1.0.x and 2.0, per tenant, behind Basic auth.

What it is sent it stores verbatim; the bridge reads a filtered copy over HTTP like from any other
LRS. `routes` has every address on one page. Source: xAPI 1.0.3 part 3; IEEE 9274.1.1.
"""

from lti_tool.web.xapi.routes import blueprint, install

__all__ = ["blueprint", "install"]
