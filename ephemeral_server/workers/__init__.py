"""Workers: processes that take flow runs from a work pool and run them somewhere."""
