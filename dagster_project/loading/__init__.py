"""Loading: extract files become immutable Parquet batches in the raw lake, or quarantined rows with a reason.

Belongs here: the mapping file (`mapping`), the contract of a feed (`contracts`), reading files (`landing`,
`delimited`), checking and typing rows (`checks`), writing batches (`batches`) and the ledger (`ledger`). Does not
belong here: Dagster, dbt, Great Expectations; deduplication and history (staging does those from the batches).
"""
