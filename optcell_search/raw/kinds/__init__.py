"""The kinds of raw data, a preprocessing each: arrays, series, tables, tensors, texts, windows."""
