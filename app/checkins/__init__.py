"""双报到: riders and enterprises report in to a community; what they are appointed to, and the certificate of it."""
