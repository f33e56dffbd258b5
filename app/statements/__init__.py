"""What an employer reads of its riders' points: a month's statement, frozen once the month is over.

A frozen month has two parts. Who worked there and what each earned are ids and figures: append-only, in the totals for everybody, under a
digest. The names of those who agreed stand apart, sealed, and go when the person takes the consent back or leaves.
"""
