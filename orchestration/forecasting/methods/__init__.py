"""Forecast methods: one file each, and a line in `registry.py`.

A method file has a `name` and a function `forecast(inputs) -> MethodForecast`, nothing else that is public. It reads
its inputs and no clock, file or other method.
"""
