"""Forecast methods: one file each, and a line in `registry.py`.

A method file has a `name` and a function `forecast(inputs) -> MethodForecast`, and beside them only what a method that
scales it needs. It reads its inputs and no clock, file or other method but the one that it scales.
"""
