"""The tasks once more, slow and obvious: one episode, plain Python, from the same drawn quantities.

Each twin takes a task after ``reset``, the number b of an episode and its actions (a list of T), and returns the
observations and whether they ask for an answer (T + 1 of each, after the end too), and the T rewards.
"""

from bpm_numpy.tasks.text import NAMES, OBJECTS, VERBS


def closed_loop(task, actions, see, decides, earn):
    """Walk an episode of a RewardTask: see(t), decides(t) and earn(t, action) say what is special about it."""
    observations, decisions, rewards = [], [], []
    previous_reward, previous_action = 0.0, [0.0] * task.n_outputs
    for t in range(task.T + 1):
        observations.append([*see(t), 1.0, t / task.T, previous_reward, *previous_action])
        decisions.append(decides(t))
        if t < task.T:
            previous_reward = earn(t, actions[t])
            previous_action = [1.0 if a == actions[t] else 0.0 for a in range(task.n_outputs)]
            rewards.append(previous_reward)
    return observations, decisions, rewards


def cue_reward(task, b, actions):
    cues, target = task.drawn.cues[b].tolist(), task.drawn.target[b]
    steps = []  # what is shown: ("blank",), ("cue", number) or ("go", right answer)
    for order, gaps in zip(task.drawn.orders[b].tolist(), task.drawn.gaps[b].tolist()):
        steps.append(("blank",))
        for k, cue in enumerate(order):
            steps.extend([("blank",)] * gaps[k])
            steps.append(("cue", cue))
        steps.extend([("blank",)] * gaps[-1])
        steps.append(("go", 1 if target in order else 0))
        steps.append(("blank",))
    steps = [*steps[: task.T], ("blank",)]

    def see(t):
        bits = cues[steps[t][1]] if steps[t][0] == "cue" else [0.0] * task.bits
        return [*bits, 1.0 if steps[t][0] == "go" else 0.0]

    def earn(t, action):
        if steps[t][0] != "go":
            return 0.0
        return 1.0 if action == steps[t][1] else -1.0

    return closed_loop(task, actions, see, lambda t: steps[t][0] == "go", earn)


def maze(task, b, actions):
    n = task.size

    def wall(row, column):
        if row in (0, n - 1) or column in (0, n - 1):
            return True
        return row % 2 == 0 and column % 2 == 0 and (row, column) != (n // 2, n // 2)

    goal, landings = tuple(task.drawn.goal[b]), task.drawn.landings[:, b]
    at = [n // 2, n // 2]

    def see(t):
        row, column = at
        return [float(wall(r, c)) for r in (row - 1, row, row + 1) for c in (column - 1, column, column + 1)]

    def earn(t, action):
        row, column = at
        if action == 0:
            row -= 1
        elif action == 1:
            row += 1
        elif action == 2:
            column -= 1
        else:
            column += 1
        if wall(row, column):
            return 0.0
        at[:] = row, column
        if (row, column) == goal:
            at[:] = landings[t]
            return task.reward
        return 0.0

    return closed_loop(task, actions, see, lambda t: t < task.T, earn)


def bandit(task, b, actions):
    chances, luck = task.drawn.chances[b], task.drawn.luck[:, b]
    return closed_loop(
        task,
        actions,
        lambda t: [],
        lambda t: t < task.T,
        lambda t, arm: 1.0 if luck[t] < chances[arm] else 0.0,
    )


def sequence(inputs, asked, rewards):
    """What the twin of a SequenceTask returns, with the observation after the end."""
    return [*inputs, [0.0] * len(inputs[0])], [*asked, False], rewards


def association(task, b, actions):
    cues, labels, shown, queries = (drawn[b].tolist() for drawn in task.drawn)

    def observation(cue=None, label=None, verdict=0.0, query=0.0):
        bits = [0.0] * task.bits if cue is None else cue
        label_bits = [1.0 if label == k else 0.0 for k in range(task.labels)]
        return [*bits, *label_bits, *([verdict] if task.verdict else []), query, 1.0]

    inputs, asked, rewards = [], [], []
    for k in range(task.pairs):
        inputs.append(observation(cue=cues[k], label=shown[k]))
        if task.verdict:
            inputs.append(observation(verdict=1.0 if shown[k] == labels[k] else -1.0))
    asked += [False] * len(inputs)
    rewards += [0.0] * len(inputs)
    for k in queries:
        rewards.append(1.0 if actions[len(inputs)] == labels[k] else 0.0)
        inputs.append(observation(cue=cues[k], query=1.0))
        asked.append(True)
    return sequence(inputs, asked, rewards)


def completion(task, b, actions):
    patterns, orders, wanted, hidden = (drawn[b].tolist() for drawn in task.drawn)
    inputs = []
    for order in orders:
        for k in order:
            inputs += [patterns[k]] * task.shown + [[0.0] * task.bits] * task.blank
    whole = patterns[wanted]
    inputs += [[0.0 if hides else bit for bit, hides in zip(whole, hidden)]] * task.asked
    right = [action == (bit == 1) for action, bit, hides in zip(actions[-1], whole, hidden) if hides]
    asked = [False] * (len(inputs) - 1) + [True]
    rewards = [0.0] * (len(inputs) - 1) + [sum(right) / len(right)]
    return sequence(inputs, asked, rewards)


def reversal(task, b, actions):
    patterns, left = task.drawn.patterns[b].tolist(), task.drawn.left[:, b].tolist()
    steps = []  # what is seen: patterns at the left and right, and the go bit; the trial asked about, or None
    for trial, k in enumerate(left):
        both = [*patterns[k], *patterns[1 - k]]
        steps += [([*both, 0.0], None), ([*both, 1.0], trial), ([0.0] * (2 * task.bits + 1), None)]
    steps.append(([0.0] * (2 * task.bits + 1), None))

    def earn(t, action):
        trial = steps[t][1]
        if trial is None:
            return 0.0
        chosen = left[trial] if action == 0 else 1 - left[trial]
        better = 0 if trial < task.drawn.reversal[b] else 1
        pays_as_it_should = task.drawn.luck[trial, b] < task.chance
        return 1.0 if (chosen == better) == pays_as_it_should else -1.0

    return closed_loop(task, actions, lambda t: steps[t][0], lambda t: steps[t][1] is not None, earn)


def transitive(task, b, actions):
    items, pairs = task.drawn.items[b].tolist(), task.drawn.pairs[:, b].tolist()
    inputs, asked, rewards = [], [], []
    for trial, (left, right) in enumerate(pairs):
        shown, nothing = [*items[left], *items[right]], [0.0] * (2 * task.bits)
        first = 0 if left < right else 1
        teaches = trial < task.rounds * (task.items - 1)
        inputs.append([*shown, 0.0, 0.0, 1.0])
        if teaches:
            inputs.append([*nothing, -1.0 if first == 0 else 1.0, 0.0, 1.0])
            inputs.append([*nothing, 0.0, 0.0, 1.0])
            asked += [False, False, False]
            rewards += [0.0, 0.0, 0.0]
        else:
            inputs.append([*shown, 0.0, 1.0, 1.0])
            asked += [False, True]
            rewards += [0.0, 1.0 if actions[len(inputs) - 1] == first else 0.0]
    return sequence(inputs, asked, rewards)


def text(task, b, actions):
    if task.source == "grammar":
        symbols = []
        for name, verb in zip(task.drawn.names[b], task.drawn.verbs[b]):
            favourite = task.drawn.favourites[b, name]
            symbols += [NAMES[name], VERBS[verb], OBJECTS[favourite], "."]
    else:
        from pydoc_data.topics import topics

        whole = "\n".join(topics[name] for name in sorted(topics))
        split = len(whole) * 9 // 10
        known = whole[split:] if task.held_out else whole[:split]
        start = task.drawn.starts[b]
        symbols = [c if " " <= c <= "~" or c == "\n" else "\ufffd" for c in known[start : start + task.T + 1]]
    numbers = [task.vocabulary.index(symbol) for symbol in symbols[: task.T + 1]]
    inputs = [[1.0 if k == number else 0.0 for k in range(task.n_inputs)] for number in numbers[:-1]]
    rewards = [1.0 if action == right else 0.0 for action, right in zip(actions, numbers[1:])]
    return sequence(inputs, [True] * task.T, rewards)


TWINS = {
    "cue-reward": cue_reward,
    "maze": maze,
    "association": association,
    "completion": completion,
    "bandit": bandit,
    "text": text,
    "reversal": reversal,
    "transitive": transitive,
}
