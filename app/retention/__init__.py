"""How long what is kept of a case stays whole: rules as data, their dry run, and the jobs that follow them."""
