"""Whether the tests would notice: each mutant is the product with one small thing wrong."""
