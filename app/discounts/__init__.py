"""What stores give members for showing who they are: discounts free of points, and totals of visits without a log of anybody's way."""
