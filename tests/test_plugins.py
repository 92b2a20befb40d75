"""The door: parts, a task, a network, a setting and a study of one's own in one file, through everything there is."""

import copy
import json
import multiprocessing
import os
import pickle
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import outside_parts
import pytest

import bpm_numpy
from bpm_numpy import (
    PlasticNetwork,
    check_task,
    gradcheck,
    plugins,
    register,
    register_network,
    register_setting,
    register_study,
)
from bpm_numpy.__main__ import main
from bpm_numpy.commands.check import jobs
from bpm_numpy.commands.messages import explain, shell_line
from bpm_numpy.lab import settings, studies
from bpm_numpy.lab.runs import load_curve, load_network, load_progress, load_settings
from bpm_numpy.learning import training
from bpm_numpy.learning.storage import load_parameters, load_training, save_parameters
from bpm_numpy.parts import REGISTRIES, find_part
from bpm_numpy.proof.problems import configurations, random_problem
from bpm_numpy.rules import Rule
from bpm_numpy.tasks import TASKS

KNOWN = [*REGISTRIES.values(), TASKS, training.NETWORKS, settings.EXPERIMENTS, studies.STUDIES]
TRAIN = "train echo --network".split() + ["all mine", "--setting", "large"]


@pytest.fixture
def clean(monkeypatch):
    """Whatever is registered in a test is forgotten after it."""
    before = [dict(known) for known in KNOWN]
    monkeypatch.setattr(plugins, "_YOURS", set())
    files = plugins.PLUGINS[:]
    plugins.PLUGINS.clear()  # in its place: the commands hold the same list
    yield
    plugins.PLUGINS[:] = files
    for known, entries in zip(KNOWN, before):
        known.clear()
        known.update(entries)


@pytest.fixture
def plugin(tmp_path, clean):
    """A file that registers everything there is to register."""
    path = tmp_path / "mine.py"
    path.write_text(Path(outside_parts.__file__).read_text(encoding="utf-8") + outside_parts.REGISTER, encoding="utf-8")
    return path


def forget():
    """Nothing of one's own is registered any more: as in a process without the plugin."""
    plugins.PLUGINS.clear()
    plugins._YOURS.clear()
    for known in KNOWN:
        mine = [key for key in known if {"drift", "half", "stacked", "echo", "all mine", "my study"} & {key, *key[:1]}]
        for key in mine:
            del known[key]


def lines(capsys):
    """What was printed on stderr, in lines."""
    return capsys.readouterr().err.strip().splitlines()


# In Python


def test_everything_a_network_does_takes_parts_of_ones_own(plugin, tmp_path):
    plugins.load_plugin(plugin)
    problem = random_problem(
        np.random.default_rng(0), 2, 3, 2, 4, 2, rule="drift", modulator="half", cell="stacked", alpha="neuron"
    )
    net, (params, x, state) = problem.net, problem.split(problem.inputs)
    assert state.c.shape == (2, 2, 3) and state.trace.shape == (2, 2, 3) and "keep" in params
    trajectory = net.forward(params, x, state)
    assert (
        trajectory.hebb.shape == (5, 2, 3, 3) and trajectory.c.shape == (5, 2, 2, 3) and trajectory.eligibility is None
    )
    run, there = net.begin(params, state), state
    for t, x_t in enumerate(x):
        out, there = net.step(params, x_t, there)
        np.testing.assert_array_equal(out.logits, trajectory.logits[t])
        np.testing.assert_array_equal(run.step(x_t).logits, trajectory.logits[t])
    for one, other in zip(there, trajectory.state):
        np.testing.assert_array_equal(one, other)
    for method in ("complex", "central"):
        assert gradcheck(problem.loss, problem.inputs, problem.gradients(), method=method).passed
    save_parameters(tmp_path / "mine.npz", net, params)
    again, values = load_parameters(tmp_path / "mine.npz")
    assert again.options == net.options and again.rule is find_part("rule", "drift")
    np.testing.assert_array_equal(again.forward(values, x, state).logits, trajectory.logits)


def test_a_task_of_ones_own_keeps_what_tasks_promise(plugin):
    plugins.load_plugin(plugin)
    assert check_task(TASKS["echo"], np.random.default_rng(0))


def test_networks_and_parts_can_be_copied_and_pickled(plugin):
    plugins.load_plugin(plugin)
    net = PlasticNetwork(2, 3, 2, rule="drift", modulator="half", cell="stacked")
    params = net.init(np.random.default_rng(0))
    x = np.ones((3, 1, 2))
    trajectory = net.forward(params, x)
    for other in (copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.options == net.options and other.rule is net.rule and other.cell is net.cell
        grads = other.backward(params, trajectory, np.ones((3, 1, 2)))
        assert grads.params.keys() == params.keys()
    pickled = pickle.dumps(net)
    forget()
    with pytest.raises(ValueError, match="^(cell|rule|modulator): expected .* register one of your own first"):
        pickle.loads(pickled)


def test_a_network_with_a_part_that_nobody_registered_can_be_pickled_but_not_saved(clean, tmp_path):
    net = PlasticNetwork(2, 3, 2, rule=outside_parts.Drift())
    again = pickle.loads(pickle.dumps(net))
    params, x = net.init(np.random.default_rng(0)), np.ones((3, 1, 2))
    np.testing.assert_array_equal(again.forward(params, x).logits, net.forward(params, x).logits)
    with pytest.raises(
        ValueError, match="^net.rule: expected one that bpm_numpy.register has made known, got <rule dr"
    ):
        save_parameters(tmp_path / "mine.npz", net, params)


def test_options_of_a_network_stay(clean):
    net = PlasticNetwork(2, 3, 2)
    for name, value in {"clip": 2.0, "rule": "oja", "cell": outside_parts.Stacked(), "n_hidden": 4}.items():
        with pytest.raises(AttributeError, match=f"^{name}: expected to stay .*; make another PlasticNetwork"):
            setattr(net, name, value)
        with pytest.raises(AttributeError, match=f"^{name}: expected to stay"):
            delattr(net, name)
    assert net.clip == 1.0 and net.rule.name == "outer"


# What cannot be registered


def test_what_cannot_be_registered_is_refused(clean):
    class Nameless(Rule):
        pass

    class Taken(Rule):
        name = "outer"

    class NamelessTask(outside_parts.Echo):
        name = None

    class TakenTask(outside_parts.Echo):
        name = "bandit"

    for thing in (outside_parts.Drift, "drift", 3, Rule):
        with pytest.raises(TypeError, match=r"^thing: expected a Rule, Modulator or Cell \(an object\) or a Task"):
            register(thing)
    for thing, name in ((Nameless(), "part.name"), (Taken(), "part.name"), (NamelessTask, "name"), (TakenTask, "name")):
        with pytest.raises(ValueError, match=f"^{name}: expected "):
            register(thing)
    with pytest.raises(ValueError, match="^name: expected one that no network of the package has, got 'simple'"):
        register_network("simple", rule="oja")
    with pytest.raises(ValueError, match="^rule: expected 'outer' .*, got 'drift'; register one of your own first"):
        register_network("mine", rule="drift")
    with pytest.raises(
        ValueError, match="^rule: expected one that bpm_numpy.register has made known, got <rule drift>"
    ):
        register_network("mine", rule=outside_parts.Drift())
    with pytest.raises(TypeError, match="colour"):
        register_network("mine", colour="red")
    with pytest.raises(
        ValueError, match="^name: expected one that no setting of the package has, got .'bandit', 'small'"
    ):
        register_setting("bandit", "small", 4)
    with pytest.raises(ValueError, match="^task: expected 'cue-reward' .*, got 'echo'; register one of your own first"):
        register_setting("echo", "small", 4)
    with pytest.raises(ValueError, match="^task_options: expected options of the task for a new setting"):
        register_setting("bandit", "huge", 4)
    with pytest.raises(ValueError, match="^changes: expected names from updates"):
        register_setting("bandit", "small", 4, colour="red")
    with pytest.raises(TypeError, match="^study: expected a lab.studies.Study, got dict"):
        register_study("mine", {})
    with pytest.raises(ValueError, match="^name: expected one that no study of the package has, got 'maze'"):
        register_study("maze", studies.Study(1, []))
    for name in ("", "../outside", ".hidden", "a\\b"):
        with pytest.raises(ValueError, match="^name: expected a name for a study, which a folder can have, got "):
            register_study(name, studies.Study(1, []))
    assert "mine" not in training.NETWORKS and "drift" not in REGISTRIES["rule"]


def test_ones_own_are_replaced_when_registered_again(clean):
    for _ in range(2):
        register(outside_parts.Drift())
        register(outside_parts.Echo)
    register_setting("echo", "small", 5, updates=7)
    register_setting("echo", "small", 6, updates=8)
    made = settings.settings_for("echo", "simple", "small")
    assert made.network_options["n_hidden"] == 6 and made.updates == 8
    register_network("mine", rule=find_part("rule", "drift"))
    assert training.NETWORKS["mine"] == {"rule": "drift"}  # a name, as settings hold it
    with pytest.raises(ValueError, match="got <rule drift>; another one is registered under its name$"):
        register_network("mine", rule=outside_parts.Drift())


# On the command line


def test_check_takes_parts_of_ones_own(plugin, capsys):
    few = "--alpha full --readout linear --regime inactive".split()
    assert main(["check", "--plugin", str(plugin), "--rule", "drift", "--cell", "stacked", *few]) == 0
    out = capsys.readouterr().out
    assert "stacked" in out and "half" in out and re.search(r"(\d+) of \1 checks passed", out)
    assert main(["--plugin", str(plugin), "check", "--modulator", "half", "--rule", "oja", *few]) == 0


def test_a_check_that_fails_says_how_it_runs_by_itself(clean, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.py").write_text(
        "from bpm_numpy import register\nfrom bpm_numpy.rules.outer import Outer\nclass Wrong(Outer):\n"
        "    name, sums = 'wrong', None\n    def eligibility_backward(self, net, dE, *others):\n"
        "        return super().eligibility_backward(net, 2 * dE, *others)\nregister(Wrong())\n"
    )
    few = "--rule wrong --cell rnn --alpha full --readout linear --regime inactive --reading notes".split()
    assert main(["--plugin", "wrong.py", "check", "--full", "--seed", "3", *few]) == 1
    out = capsys.readouterr().out
    command = re.search(r"Each by itself: (.*) and the options behind FAILED", out)[1]
    named = f"--plugin {shlex.quote(str(tmp_path / 'wrong.py'))} "
    assert command == shell_line("check", "--seed", "3", "--full") and named in command
    options = re.search(r"FAILED (.*?): ", out)[1]
    assert main([*shlex.split(command)[3:], *shlex.split(options)]) == 1
    assert "0 of 1 checks passed" in capsys.readouterr().out


def test_clip_cuts_nothing_of_a_rule_that_has_a_bound_of_its_own(plugin, capsys):
    words = "check --rule drift --cell rnn --modulator tanh --alpha full --reading notes".split()
    assert main(["--plugin", str(plugin), *words]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.split()[:2] == ["rnn", "drift"]]
    assert len(rows) == 3 and all(row[8] == "-" for row in rows)


def test_check_without_filters_includes_what_is_registered(plugin):
    before = len(list(configurations()))
    plugins.load_plugin(plugin)
    everything = [job[0] for job in jobs({}, ("inactive",), 0, False)]
    assert len(everything) > before
    for kind, name in (("rule", "drift"), ("modulator", "half"), ("cell", "stacked")):
        readings = {options["reading"] for options in everything if options[kind] == name and kind != "modulator"}
        assert any(options[kind] == name for options in everything)
        assert readings == (set() if kind == "modulator" else {"notes", "paper"})


@pytest.mark.parametrize("method", sorted({"spawn", "forkserver"} & set(multiprocessing.get_all_start_methods())))
def test_processes_that_know_nothing_of_this_one_get_the_plugins(plugin, tmp_path, method):
    few = "--rule drift --cell rnn --alpha full --readout linear --regime inactive".split()
    script = tmp_path / "script.py"
    script.write_text(
        f"""import multiprocessing, sys
from bpm_numpy.__main__ import main
if __name__ == "__main__":
    multiprocessing.set_start_method({method!r})
    sys.exit(main(sys.argv[1:]))
"""
    )
    words = [sys.executable, str(script), "--plugin", str(plugin), "check", *few]
    here = os.environ | {"PYTHONPATH": str(Path(bpm_numpy.__file__).parents[1])}
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, env=here)
    assert done.returncode == 0, done.stderr
    passed = re.search(r"(\d+) of \1 checks passed", done.stdout)
    assert int(passed[1]) > 8  # so many that processes were started


def test_train_is_killed_and_goes_on_to_the_same_bits(plugin, tmp_path, capsys):
    words = [*TRAIN, "--updates", "40", "--set", "evaluate_every=2", "--set", "evaluation_episodes=3"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bpm_numpy", "--plugin", str(plugin), *words, "--out", str(tmp_path / "killed")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    plugins.load_plugin(plugin)
    try:
        for _ in range(3000):
            state = load_progress(tmp_path / "killed")
            if state is not None and len(state.curve) >= 2:
                break
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
    finally:
        process.kill()
        process.communicate()
    assert main([*words, "--out", str(tmp_path / "killed")]) == 0
    assert main([*words, "--out", str(tmp_path / "whole")]) == 0
    assert (tmp_path / "killed/params.npz").read_bytes() == (tmp_path / "whole/params.npz").read_bytes()
    assert all(np.isnan(row["saturated_hebb"]) for row in load_curve(tmp_path / "whole"))  # drift has its own bound
    left = {"seconds": 0, "saturated_hebb": 0}
    curves = [[row | left for row in load_curve(tmp_path / name)] for name in ("killed", "whole")]
    assert curves[0] == curves[1]
    net, params = load_network(tmp_path / "whole")
    assert (net.rule.name, net.modulator.name, net.cell.name) == ("drift", "half", "stacked") and "keep" in params

    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "whole"), "--episodes", "9", "--plugin", str(plugin)]) == 0
    assert "score" in capsys.readouterr().out
    assert main(["--plugin", str(plugin), "gather", str(tmp_path)]) == 0
    assert "all mine" in capsys.readouterr().out


def test_a_run_that_is_carried_on_carries_states_of_any_shape(plugin, tmp_path):
    words = ["--plugin", str(plugin), *TRAIN, "--set", "carry=true", "--updates"]
    for updates in ("2", "4"):
        assert main([*words, updates, "--out", str(tmp_path / "parts")]) == 0
    assert main([*words, "4", "--out", str(tmp_path / "whole")]) == 0
    assert (tmp_path / "parts/params.npz").read_bytes() == (tmp_path / "whole/params.npz").read_bytes()
    assert load_training(tmp_path / "whole/checkpoint.npz").state.trace.shape == (3, 2, 6)


@pytest.fixture
def kept(plugin, tmp_path, capsys):
    """A study of one's own, kept in a folder of one's own."""
    before = sorted(studies.DATA.rglob("*"))
    out, data = str(tmp_path / "runs"), str(tmp_path / "data")
    assert main(["study", "my study", "--plugin", str(plugin), "--out", out, "--data", data]) == 0
    assert "my study: 2 runs" in capsys.readouterr().out
    assert sorted(studies.DATA.rglob("*")) == before
    return tmp_path / "data"


def test_study_makes_and_keeps_runs_of_ones_own(plugin, kept, capsys):
    about, groups = studies.load_study("my study", kept)
    assert [group.label for group in groups] == ["mine", "plain"]
    of_mine, data = shlex.quote(str(plugin)), shlex.quote(str(kept))
    assert f"--plugin {of_mine} study 'my study' --data {data}" in about["command"]
    assert (kept / "my study/interventions.csv").read_text("utf-8").count("\nmine,0,") == 1
    net, _, task = studies.load_recorded("my study", "mine", batch=7, data=kept)
    assert net.rule.name == "drift" and task.name == "echo" and task.batch == 7
    assert main(["bench", "--trained", "--data", str(kept), "--passes", "1", "--plugin", str(plugin)]) == 0
    out = capsys.readouterr().out
    assert "my study" in out and "ms by the definition" in out
    assert main(["bench", "--data", str(kept)]) == 2
    assert lines(capsys) == [f"bench: --data: expected only together with --trained, got {str(kept)!r} without it"]


# Files made with parts that are not registered


def test_files_hold_names_alone_and_say_what_to_register(plugin, kept, tmp_path, capsys):
    run = tmp_path / "runs/mine-seed0"
    ran = tmp_path / "ran"
    plugin.write_text(f"open({str(ran)!r}, 'w')\n")  # whoever ran it now would leave a trace
    forget()
    register_one = "; register one of your own first: bpm_numpy.register, or --plugin FILE"
    with pytest.raises(ValueError, match=f"task: expected .*, got 'echo'{register_one}"):
        load_settings(run)
    for load, path in ((load_parameters, "params.npz"), (load_training, "checkpoint.npz")):
        with pytest.raises(ValueError, match=f"{path} .ValueError: cell: expected .*, got 'stacked'{register_one}"):
            load(run / path)
    register(outside_parts.Stacked())
    with pytest.raises(ValueError, match=f"rule: expected .*, got 'drift'{register_one}"):
        load_parameters(run / "params.npz")
    register(outside_parts.Drift())
    with pytest.raises(ValueError, match=f"modulator: expected .*, got 'half'{register_one}"):
        load_parameters(run / "params.npz")
    register(outside_parts.Half())
    load_parameters(run / "params.npz")
    with pytest.raises(ValueError, match=f"^study: expected .*, got 'my study'{register_one}"):
        studies.load_about("my study", kept)
    with pytest.raises(ValueError, match=f"^network: expected .*, got 'all mine'{register_one}"):
        settings.settings_for("bandit", "all mine")
    capsys.readouterr()
    for words, what in (
        (["evaluate", str(run)], "task"),
        (["study", "my study", "--data", str(kept)], "NAME"),
        (TRAIN, "TASK"),
        (["train", "bandit", "--network", "all mine"], "--network"),
        (["train", "bandit", "--setting", "mine"], "--setting"),
        (["check", "--rule", "mine"], "--rule"),
    ):
        assert main(words) == 2
        (line,) = lines(capsys)
        assert f"{what}: expected " in line and line.endswith((register_one[2:], f"{register_one[2:]})")), line
    assert main(["gather", str(run)]) == 2
    assert f"got 'echo'{register_one}" in "".join(lines(capsys))
    assert not ran.exists()


def test_about_json_says_which_task_to_register(plugin, kept):
    forget()
    register_study("my study", studies.Study(1, []))
    with pytest.raises(ValueError, match="task: expected .*, got 'echo'; register one of your own first"):
        studies.load_recorded("my study", "mine", data=kept)
    about = json.loads((kept / "my study/about.json").read_text("utf-8"))
    assert about["lines"]["mine"]["settings"]["network_options"]["rule"] == "drift"


# Plugins that cannot be


@pytest.mark.parametrize(
    "text, words",
    [
        ("\n1 / 0", "got ZeroDivisionError: division by zero (PATH, line 2)"),
        ("import sys; sys.exit(3)", "got SystemExit: 3"),
        ("\nraise GeneratorExit('odd')", "got GeneratorExit: odd (PATH, line 2)"),
        ("class Odd(BaseException): pass\nraise Odd", "got Odd: "),
        ("def f(:", "got SyntaxError: "),
        ("from nowhere import rule", "got ModuleNotFoundError: No module named 'nowhere'"),
        (
            "from bpm_numpy import register\nfrom bpm_numpy.rules.outer import Outer\nregister(Outer())",
            "got ValueError: part.name: expected a name that no rule of the package has, got 'outer'",
        ),
    ],
)
def test_a_plugin_that_raises_is_one_line(clean, tmp_path, capsys, text, words):
    path = tmp_path / "wrong.py"
    path.write_text(text)
    before = set(sys.modules)
    assert main(["--plugin", str(path), "gather", "runs"]) == 2
    (line,) = lines(capsys)
    assert line.startswith(f"--plugin: expected {path} to run, {words.replace('PATH', str(path))}")
    assert plugins.PLUGINS == [] and not any("wrong" in name for name in set(sys.modules) - before)


@pytest.mark.parametrize("odd", ["GeneratorExit('odd')", "KeyError('odd')", "SystemExit('odd')"])
def test_whatever_a_part_raises_in_a_command_is_one_line(clean, tmp_path, monkeypatch, capsys, odd):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "wrong.py"
    path.write_text(
        "from bpm_numpy import register\nfrom bpm_numpy.rules.outer import Outer\nclass Odd(Outer):\n    name = 'odd'\n"
        f"    def parameters(self, net):\n        raise {odd}\nregister(Odd())\n"
    )
    assert main(["--plugin", str(path), "train", "bandit", "--set", "network_options.rule=odd"]) == 2
    (line,) = lines(capsys)
    assert line.startswith("train: ") and "odd" in line and line.endswith(f" ({path}, line 6)")


def test_a_fault_of_the_program_is_no_error_of_the_user(monkeypatch):
    monkeypatch.setattr("bpm_numpy.commands.gather.run", lambda arguments: {}["fault"])
    with pytest.raises(KeyError, match="fault"):
        main(["gather", "runs"])


def test_what_is_registered_in_python_alone_is_not_handed_to_processes(plugin, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bpm_numpy.commands.check.multiprocessing.get_start_method", lambda: "spawn")

    class Alone(outside_parts.Drift):
        name = "alone"

    register(Alone())
    register_study("my own", studies.Study(1, [studies.Line("a", "bandit", "simple", "small", {
        "network_options.rule": "alone", "updates": 1})]))  # fmt: skip
    for words in ("check --rule alone", "study my~own --data kept"):
        assert main([word.replace("~", " ") for word in words.split()]) == 2
        (line,) = lines(capsys)
        assert "got the rule 'alone', registered in Python alone; register them in a file" in line
        assert "--plugin FILE" in line and "load_plugin" in line and not Path("kept").exists()
    plugins.load_plugin(plugin)
    plugins.check_known_elsewhere([("rule", "drift"), ("task", "echo"), ("rule", "outer")])
    register(outside_parts.Drift())  # a new one of that name, which the file doesn't know
    with pytest.raises(ValueError, match="got the rule 'drift', registered in Python alone"):
        plugins.check_known_elsewhere([("rule", "drift")])


def test_an_error_inside_a_plugin_says_where(clean, tmp_path):
    path = tmp_path / "slips.py"
    path.write_text("import numpy as np\n\ndef slip():\n    np.sum([1.0], axs=0)\n")
    plugins.load_plugin(path)
    module = next(module for name, module in sys.modules.items() if "plugin_slips" in name)
    with pytest.raises(TypeError) as caught:
        module.slip()
    line = explain(caught.value, lambda name: f"--{name}")
    assert "'axs'" in line and line.endswith(f" ({path}, line 4)") and "--axs" not in line


@pytest.mark.parametrize(
    "name, came", [("none.py", "nothing"), ("folder", "a folder"), ("data.txt", "another kind of file")]
)
def test_a_plugin_that_is_no_python_file_is_one_line(clean, tmp_path, capsys, name, came):
    (tmp_path / "folder").mkdir()
    (tmp_path / "data.txt").write_text("")
    assert main(["train", "bandit", "--plugin", str(tmp_path / name)]) == 2
    assert lines(capsys) == [f"--plugin: expected a Python file (.py), got {tmp_path / name}, {came}"]


def test_a_plugin_runs_once(clean, tmp_path, capsys):
    path = tmp_path / "once.py"
    path.write_text(f"with open({str(tmp_path / 'runs')!r}, 'a') as file:\n    file.write('x')\n")
    assert main(["--plugin", str(path), "--plugin", f"{tmp_path}/../{tmp_path.name}/once.py"]) == 0
    plugins.load_plugin(path)
    assert (tmp_path / "runs").read_text("utf-8") == "x" and plugins.PLUGINS == [str(path)]
    with pytest.raises(SystemExit, match="2"):
        main(["train", "bandit", "--plugin"])
    assert "--plugin: expected one argument" in capsys.readouterr().err


def test_two_plugins_of_one_name_are_two_modules(clean, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(
            f"from bpm_numpy import register\nfrom bpm_numpy.rules.outer import Outer\n"
            f"class Mine(Outer):\n    name = {folder!r}\nregister(Mine())\n"
        )
        plugins.load_plugin(tmp_path / folder / "mine.py")
    for name in ("one", "two"):
        part = REGISTRIES["rule"][name]
        assert type(pickle.loads(pickle.dumps(part))) is type(part)
