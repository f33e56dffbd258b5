"""The proof that somebody stopped for the public: a short code and a page that an employer can check."""
