"""Pages and addresses. A view parses, calls one flow, renders."""
