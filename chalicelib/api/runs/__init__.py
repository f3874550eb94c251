"""The API of runs: routes parse and call, shapes are the wire's types, render makes them."""
