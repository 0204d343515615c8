"""What a classifier's answer rests on, mapped at the telescope by a process of its own."""
