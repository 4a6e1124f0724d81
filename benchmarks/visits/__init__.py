"""What `dashboard.py` measures with: two servers, one browser, and a clock inside the page."""
