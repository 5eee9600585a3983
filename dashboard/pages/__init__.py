"""The pages, one module each: a function `show` that gets a view.

Belongs here: which figures, charts and tables stand on a page, in which order. Does not belong here: what they are
(`figures`) and how they look (`view`, `charts`).
"""
