"""Perceptual decisions: what was shown, and how sure is the subject?"""
