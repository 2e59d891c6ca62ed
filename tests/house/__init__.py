"""The rules of the house, tried from outside."""
