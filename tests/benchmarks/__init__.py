"""Speed and memory against pinned floors; `make bench` runs them, `make prove` writes the figures down."""
