"""Tables as files: the same rows as CSV, XLSX or PDF, byte-identical whenever they are made again."""
