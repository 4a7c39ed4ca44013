"""Figures worth acting on: counted and summed by the database, in whole pennies and whole seconds."""
