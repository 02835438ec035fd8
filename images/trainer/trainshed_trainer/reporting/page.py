"""The report's page."""

from __future__ import annotations

from trainshed_trainer.reporting import (
    charts,
    fields,
    findings,
    graphs,
    markup,
    styles,
    viewing,
)

MOST_ROWS = 60
MOST_NAME = 60
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser lets the page do: a name that somebody chose can fetch and run nothing."""
CURVES = (
    ("Loss", ("loss", "held-out loss")),
    ("Held-out accuracy", ("held-out accuracy",)),
    ("Learning rate", ("learning rate",)),
    ("Samples a second", ("samples/s",)),
)


def render(found: findings.Findings) -> str:
    """Return the whole document."""
    head = markup.tag(
        "head",
        markup.tag("meta", charset="utf-8"),
        markup.tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        markup.tag("meta", name="viewport", content="width=device-width,initial-scale=1"),
        markup.tag("title", f"{found.title}: training report"),
        markup.tag("style", markup.Markup(styles.CSS)),
    )
    parts = [
        _header(found),
        _curves(found),
        _performance(found),
        *viewing.sections(found),
        _exports(found),
        _model(found.model),
        _data(found.data),
        _spec(found),
    ]
    body = markup.tag("body", markup.tag("main", *(part for part in parts if part)))
    return f"<!doctype html>\n{markup.tag('html', head, body, lang='en')}\n"


def short(name: str) -> str:
    """Return a name that somebody else chose, cut to what a page has room for."""
    return name if len(name) <= MOST_NAME else f"{name[: MOST_NAME - 1]}…"


def _header(found: findings.Findings) -> markup.Markup:
    spec, info = found.spec, found.info
    figures = {
        **{name.capitalize(): markup.number(value) for name, value in found.metrics.items()},
        "Steps": markup.number(found.steps),
        "Samples": markup.number(found.samples),
        "Seconds of training": markup.number(found.seconds),
        "Samples a second": markup.number(found.samples / found.seconds if found.seconds else None),
        "Parameters": markup.number(found.model.parameters),
    }
    pairs = [
        markup.tag("div", markup.tag("dt", name), markup.tag("dd", value))
        for name, value in figures.items()
    ]
    words = f"{spec.model.name} in {spec.framework} {info.get('framework_version', '')} on "
    words += f"{info.get('device', '')}, {info.get('dtype', '')}"
    return markup.tag(
        "header",
        markup.tag("h1", short(found.title)),
        markup.tag("p", words, class_="soft"),
        markup.tag("dl", *pairs),
    )


def _curves(found: findings.Findings) -> markup.Markup:
    drawn = []
    for title, names in CURVES:
        lines = [charts.Line(name, found.curves[name]) for name in names if name in found.curves]
        if lines:
            drawn.append(charts.lines(title, lines, across="step"))
    return markup.section("Training", *drawn) if drawn else markup.Markup()


def _performance(found: findings.Findings) -> markup.Markup:
    took = found.performance
    if took is None:
        return markup.Markup()
    rows = [
        ("Steps, after a warm-up", markup.number(took.steps)),
        ("Seconds of a step, median", markup.number(took.p50)),
        ("Seconds of a step, 95th percentile", markup.number(took.p95)),
        ("Samples a second", markup.number(took.samples_per_second)),
        ("Share of waiting for data", markup.number(took.wait)),
        ("Share of the device's peak (MFU)", markup.number(found.utilisation)),
    ]
    return markup.section("Performance test", markup.table("Steps alone", ("", "Value"), rows))


def _exports(found: findings.Findings) -> markup.Markup:
    if not found.exports:
        return markup.Markup()
    heads = (
        "Format",
        "Folder",
        "Bytes",
        "Largest difference",
        "Seconds of 1",
        "Seconds of a batch",
    )
    rows = []
    for each in found.exports:
        times = [f"{took.p50:.3g} ({took.samples})" for took in each.latencies]
        times += ["not measured"] * (2 - len(times))
        figures = (markup.number(each.bytes), f"{each.difference:.2g}")
        rows.append((each.format, each.path, *figures, *times))
    words = "Each file's logits, compared with the trained model's; medians, with samples a call"
    return markup.section("Exports", markup.table(words, heads, rows))


def _model(model: findings.Model) -> markup.Markup:
    rows = [
        (each.name, each.kind, " × ".join(map(str, each.shape)), markup.number(each.parameters))
        for each in model.layers[:MOST_ROWS]
    ]
    words = (
        f"{len(model.layers)} layers, {markup.number(model.parameters)} parameters,"
        f" {markup.number(model.flops)} operations for one sample's answer"
    )
    table = markup.table(words, ("Layer", "Kind", "Output", "Parameters"), rows)
    return markup.section("Model", table, graphs.drawn(model.layers[:MOST_ROWS]))


def _data(data: findings.Data) -> markup.Markup:
    pairs = list(zip(data.classes, data.counts, strict=True))[:MOST_ROWS]
    rows = [(short(name), markup.number(own), markup.number(held)) for name, (own, held) in pairs]
    words = f"{len(data.classes)} classes; each sample is {' × '.join(map(str, data.shape))}"
    parts = [markup.table(words, ("Class", "Trained on", "Held out"), rows)]
    if data.statistics is not None:
        kept = data.statistics.to_dict()
        channels = zip(kept["mean"], kept["deviation"], strict=True)
        rows = [
            (str(number), markup.number(mean), markup.number(deviation))
            for number, (mean, deviation) in enumerate(channels)
        ]
        heads = ("Channel", "Mean", "Deviation")
        parts.append(markup.table("Pixels of the training split", heads, rows[:MOST_ROWS]))
    if data.corrupt:
        parts.append(_corrupt(data))
    return markup.section("Data", *parts)


def _corrupt(data: findings.Data) -> markup.Markup:
    words = f"Samples that can't be read and were left out: {markup.number(data.corrupt)}"
    if data.corrupt > len(data.named):
        words += f", of which the first {len(data.named)}"
    return markup.table(words, ("Sample and cause",), [(each,) for each in data.named])


def _spec(found: findings.Findings) -> markup.Markup:
    rows = [(name, short(str(value))) for name, value in fields.of(found.spec).items()]
    return markup.section("Spec", markup.table("All fields as they were", ("Field", "Value"), rows))
