"""The demo county: fictional people, shops and reports, all made through the services, and the story of the main loop told over HTTP."""
