"""Whether counters rise, from one scrape to the next."""


class Counters:
    def __init__(self):
        self.last = {}
        self.fell = []     # (series, before, after)
        self.followed = 0  # the most that one scrape had

    def follow(self, metrics):
        """A series that has gone and comes back may begin anew; one that is there may not fall."""
        now = {}
        for family in metrics.families.values():
            if family.kind == "counter":
                for labels, value in family.samples:
                    now[family.name, tuple(sorted(labels.items()))] = float(value)
        self.fell += [(series, self.last[series], value) for series, value in now.items()
                      if value < self.last.get(series, value)]
        self.followed = max(self.followed, len(now))
        self.last = now
