"""Xinxin (新新): the backend of a county's mini program for couriers and riders."""

import atexit
import gc

# Loading makes half a million objects that stay. With its own thresholds (700, 10, 10) the collector walks through them again and again,
# and three times more when the process ends: together half of what a command costs, and a twentieth of what the API does.
gc.set_threshold(50_000, 20, 20)
atexit.register(gc.freeze)
