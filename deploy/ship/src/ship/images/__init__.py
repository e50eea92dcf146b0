"""Proves that the images and the compose file do what they say, by building and running them."""
