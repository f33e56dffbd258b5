"""What speaks for or against a report being what it says: told to reviewers, never judged by itself."""
