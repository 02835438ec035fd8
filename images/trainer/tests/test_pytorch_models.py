"""The models in PyTorch: shapes, first weights, and what does not go together."""

from __future__ import annotations

from typing import Any

import pytest

from trainshed_trainer import errors, schema

pytestmark = pytest.mark.torch

IMAGE, CLIP = (3, 9, 14), (5, 3, 9, 14)
SHAPES = {"cnn": IMAGE, "cnn-attention": IMAGE, "lstm": CLIP, "cnn-lstm": CLIP}


def built(name: str, shape: tuple[int, ...], **params: Any) -> Any:
    from trainshed_trainer.models.pytorch import registry

    asked = schema.read({"model": {"name": name, "params": params}}).model
    return registry.build(asked, shape, 7)


def outputs(model: Any, shape: tuple[int, ...], *, samples: int = 2) -> Any:
    import torch

    torch.manual_seed(0)
    return model(torch.randn(samples, *shape))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("cnn", {}),
        ("cnn", {"channels": [4], "kernel": 1, "hidden": 8, "dropout": 0.5}),
        ("cnn", {"channels": [4, 8, 16], "kernel": 5}),
        ("cnn-attention", {}),
        ("cnn-attention", {"channels": [6], "heads": 3, "dropout": 0.5}),
        *[("lstm", {"cell": cell, "layers": 2, "dropout": 0.5}) for cell in ("lstm", "gru", "rnn")],
        *[("cnn-lstm", {"cell": cell, "channels": [4]}) for cell in ("lstm", "gru", "rnn")],
    ],
    ids=str,
)
def test_a_model_gives_a_logit_for_each_class(name: str, params: dict[str, Any]) -> None:
    assert outputs(built(name, SHAPES[name], **params), SHAPES[name]).shape == (2, 7)


@pytest.mark.parametrize("name", SHAPES)
def test_every_weight_that_learns_has_a_gradient(name: str) -> None:
    model = built(name, SHAPES[name])

    outputs(model, SHAPES[name]).square().sum().backward()

    assert all(each.grad is not None for each in model.parameters() if each.requires_grad)


@pytest.mark.parametrize("name", SHAPES)
def test_weights_of_convolutions_and_linear_layers_begin_as_pytorch_has_them(name: str) -> None:
    from torch import nn

    model = built(name, SHAPES[name], channels=[64, 64]) if "cnn" in name else built(name, CLIP)

    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.numel() > 2000:
            fan_in = module.weight[0].numel()
            assert float(module.weight.var()) == pytest.approx(1 / (3 * fan_in), rel=0.15)
            assert float(module.weight.mean()) == pytest.approx(0, abs=0.02)
            assert module.bias is None or not module.bias.any()


def test_recurrent_weights_begin_glorot_uniform_orthogonal_and_open() -> None:
    import torch

    cells = built("lstm", CLIP, hidden=32)[1].cells

    features = 3 * 9 * 14
    limit = (6 / (features + 4 * 32)) ** 0.5
    assert float(cells.weight_ih_l0.abs().max()) == pytest.approx(limit, rel=0.01)
    assert torch.allclose(cells.weight_hh_l0.T @ cells.weight_hh_l0, torch.eye(32), atol=1e-5)
    assert cells.bias_ih_l0.tolist() == [0.0] * 32 + [1.0] * 32 + [0.0] * 64
    assert not cells.bias_hh_l0.any()
    assert not cells.bias_hh_l0.requires_grad


@pytest.mark.parametrize("side", [(3, 9, 14), (4, 16, 16)], ids=str)
def test_wide_frames_are_computed_as_narrow_ones(side: tuple[int, ...]) -> None:
    import torch

    model = built("lstm", (5, *side))
    clip = torch.randn(2, 5, *side)
    outputs, _ = model[1].cells(clip.flatten(2))

    assert torch.allclose(model(clip), model[1].head(outputs[:, -1]), atol=1e-5)
    assert torch.backends.mkldnn.enabled


def test_the_order_of_frames_matters() -> None:
    import torch

    for name in ("lstm", "cnn-lstm"):
        model = built(name, CLIP).eval()
        clip = torch.randn(1, *CLIP)

        assert not torch.allclose(model(clip), model(clip.flip(1)))


def test_attention_takes_from_every_position() -> None:
    import torch

    model = built("cnn-attention", IMAGE)
    attention = model[8]
    maps = torch.randn(1, 64, 2, 3, requires_grad=True)

    attention(maps)[0, 0].sum().backward()

    assert maps.grad is not None
    assert bool((maps.grad.abs().sum(1) > 0).all())


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("cnn", CLIP, "the model cnn takes images, but the data set has clips"),
        ("cnn-attention", CLIP, "set model.name to lstm or cnn-lstm"),
        ("lstm", IMAGE, "the model lstm takes clips, but the data set has images"),
        ("cnn-lstm", IMAGE, "set model.name to cnn or cnn-attention"),
        ("cnn", (1, 3, 8), "2 blocks halve 3x8 pixels to nothing"),
        ("cnn-lstm", (4, 1, 8, 3), "give model.params.channels fewer entries"),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_the_users_to_mend(
    name: str, shape: tuple[int, ...], said: str
) -> None:
    with pytest.raises(errors.ConfigurationError, match=said) as raised:
        built(name, shape)

    assert raised.value.reason == "InvalidSpec"
