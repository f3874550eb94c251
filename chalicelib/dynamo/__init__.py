"""DynamoDB: a module per table or item, its conditions and verbs. The only importer of pynamodb.

Every verb is one conditional write that may be repeated, or one read.
"""
