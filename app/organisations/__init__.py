"""GP practices, the charity, providers, commissioners, and the agreements between them."""
