"""What is wrong with images before anything is trained: duplicates, labels, parts that overlap."""
