"""Mentoring sessions: booked, held, missed, written up."""
