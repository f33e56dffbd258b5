"""双报到: riders and enterprises report in to a community, which confirms them and appoints them for a time; the certificates of it."""
