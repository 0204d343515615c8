"""Why a classifier answers as it does, for the network that really runs."""
