"""Commands of the command line, one file each; they import what they need when called."""
