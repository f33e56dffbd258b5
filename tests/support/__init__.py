"""What tests share: a county, people, a running simulator, a database that is one connection."""
