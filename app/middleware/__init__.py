"""Pure ASGI layers around the application, from the outside in, and the HTTP protocol with read deadlines beneath it."""
