def page(): return "# Run folder\n"
