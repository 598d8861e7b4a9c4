"""`python -m lti_tool` is `roadmap`."""

from lti_tool.cli import main

main()
