"""The API of logs: routes parse and call, shapes are the wire's types, render makes them."""
