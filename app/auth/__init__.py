"""Who is calling and what they may do: accounts, sign-in, sessions, grants, the principal, and every request's way in."""
