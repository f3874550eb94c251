"""The signed call: what `dynamo`, `sqs` and `s3` send to AWS without a client of botocore.

A client of botocore spends 2.5 ms of processor time on a call, most of it on events, models and
parsers that our few operations do not need. What is botocore's to know stays botocore's: where
credentials come from and when they are renewed, regions, endpoints and certificates.
"""
