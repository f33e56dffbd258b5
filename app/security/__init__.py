"""Keys and what is made with them: sealed fields, blind indexes, signatures, access tokens, password hashes, typed codes, throttles."""
