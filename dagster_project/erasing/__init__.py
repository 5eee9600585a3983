"""Erasing a person: from the lake first, then from everything made of it. Of Dagster only the files of its
history are known here.

What stands instead of a person's ids are tokens, so that all figures stay as they are. The list of tokens keeps later
deliveries from bringing the person back.
"""
