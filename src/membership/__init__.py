"""Membership Lab: what members need, what they are worth, what to offer them, and whether it would work."""
