"""The register of community WeChat groups: which there are, how one joins, how many people each has."""
