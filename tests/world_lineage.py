"""The part of ``world`` that makes plausible events of activities, derivations and ceilings."""

COLLECT, JOIN, APPLY, DELETE = 1, 4, 9, 10


class Deriving:
    """What ``World`` does with lineage; ``make`` encodes an event."""

    def __init__(self, make, subjects, sha, zero):
        self.raw = make
        self.party, self.dataset, self.grant = subjects
        self.sha = sha
        self.zero = zero
        self.activities = {}
        self.made_by = {}
        self.order = {}
        self.ceilings = {}

    def act(self, world):
        """Return the events of one act, or none if it is not possible now."""
        self._notice(world)
        return world.random.choice(
            [self.derive, self.derive, self.collect, self.use, self.correct]
        )(world)

    def standing(self):
        """Return the derivations that hold: activity, source, derived, grant."""
        return [
            (number, source, activity["output"], grant)
            for number, activity in self.activities.items()
            if activity["by"] is None
            for source, grant in activity["inputs"]
        ]

    def _notice(self, world):
        """Give versions that came about otherwise a place in the order of making."""
        for dataset_id, found in world.datasets.items():
            for version in range(1, found["versions"] + 1):
                self.order.setdefault((dataset_id, version), len(self.order))

    def derive(self, world):
        inputs = self._inputs(world, len(self.order))
        events = world.register() if world.random.random() < 0.6 else world.publish()
        if not events:
            return []
        before = set(self.order)
        self._notice(world)
        (output,) = set(self.order) - before
        if output[1] == 1 and world.random.random() < 0.5:
            self._bind(output[0], world.random.randint(1, 3))
        return [*events, *self._record(world, JOIN, inputs, output)]

    def collect(self, world):
        free = [version for version in self.order if version not in self.made_by]
        if not free:
            return []
        return self._record(world, COLLECT, [], world.random.choice(free))

    def use(self, world):
        inputs = self._inputs(world, len(self.order))
        return self._record(world, world.random.choice([APPLY, DELETE]), inputs, None)

    def correct(self, world):
        found = [key for key, activity in self.activities.items() if activity["by"] is None]
        if not found:
            return []
        number = world.random.choice(found)
        wrong = self.activities[number]
        output, inputs = wrong["output"], []
        if wrong["kind"] != COLLECT:
            inputs = self._inputs(world, self.order.get(output, len(self.order)))
        if wrong["kind"] != COLLECT and not inputs:
            return []
        if output and output[0] in self.ceilings and world.random.random() < 0.5:
            self._bind(output[0], world.random.randint(4, 6))
        return self._record(world, wrong["kind"], inputs, output, number)

    def _inputs(self, world, below):
        older = [version for version, place in self.order.items() if place < below]
        chosen = world.random.sample(older, min(len(older), world.random.randint(1, 3)))
        grants = [None, *world.licensing.grants]
        return [(version, world.random.choice(grants)) for version in chosen]

    def _bind(self, dataset_id, policy):
        self.ceilings[dataset_id] = (policy, policy % 2 == 0)

    def _record(self, world, kind, inputs, output, superseded=0):
        number = len(self.activities) + 1
        party_id = world.any_party()
        agent_id = world.random.choice([0, world.any_party()])
        ended = world.time_s - 1
        hashes = [world.random.choice([self.zero, self.sha("code", number)]) for _ in range(3)]
        details = (kind, ended - 5, ended, *hashes, (1 << 63) | 1, 4, 1 << 15, b"CN", 3)
        self.activities[number] = {
            "kind": kind,
            "party": party_id,
            "agent": agent_id or party_id,
            "inputs": inputs,
            "output": output,
            "by": None,
        }
        if superseded:
            self.activities[superseded]["by"] = number
        if output:
            self.made_by[output] = number
        made = self.dataset(output[0]) if output else self.zero
        version = output[1] if output else 0
        reason = self.sha("wrong") if superseded else self.zero
        ceiling, taint = self.ceilings.get(output[0] if output else None, (0, False))
        values = [number, version, details, ceiling, taint, superseded, reason]
        subjects = [made, self.party(party_id), self.party(agent_id) if agent_id else self.zero]
        events = [self.raw("ActivityRecorded", subjects, values)]
        for (dataset_id, used), grant_id in inputs:
            by = self.grant(grant_id) if grant_id else self.zero
            subjects = [self.dataset(dataset_id), made, by]
            events.append(self.raw("DerivationRecorded", subjects, [number, used, version]))
        return events
