"""Cognitive flexibility: which rule holds now?"""
