"""The local stack: the whole product on one machine, without AWS."""
