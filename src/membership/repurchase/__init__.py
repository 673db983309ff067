"""Who orders again within n days, and when: rhythm, candidates, the choice between them, and the table `repurchase`."""
