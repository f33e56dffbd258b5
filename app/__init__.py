"""Xinxin (新新): the backend of a county's mini program for couriers and riders."""
