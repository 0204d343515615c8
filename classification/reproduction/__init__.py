"""Every architecture trained on the same pictures, and the table of what each achieves."""
