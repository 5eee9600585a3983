"""What the stewards' pages say, one module a topic; `pages` puts them together.

Belongs here: gathering and putting into words. Does not belong here: files of pages (`report`), how they look (the
templates and `pictures`).
"""
