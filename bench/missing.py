class Missing(Exception):
    """A contender does not take part; the text says why. It failed, unless the row asks for what it
    does not offer."""

    def __init__(self, reason, failed=True):
        super().__init__(reason)
        self.failed = failed
