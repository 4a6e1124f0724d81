"""Answers worked out without the code under test."""
