"""The tree of areas (province to grid): codes, boundaries, which areas lie around a point; coordinates and distances for everyone."""
