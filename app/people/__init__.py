"""The people who are referred: who they are and how to reach them."""
