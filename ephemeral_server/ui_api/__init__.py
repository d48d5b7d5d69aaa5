"""What web pages ask for beside the routes that clients use: counts and short forms of runs."""
