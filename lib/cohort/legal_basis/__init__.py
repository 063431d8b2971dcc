"""Objections, consents, instructions and pupil number changes as declared lists; whose results a project may use
today.
"""
