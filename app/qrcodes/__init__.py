"""Printed codes: a short scene that opens the mini program at an organisation, an enterprise, a store; their pictures and landing page."""
