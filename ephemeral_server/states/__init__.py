"""Reading the states that runs went through."""
