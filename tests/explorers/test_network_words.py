"""What is said of a stage: against the trace's own numbers, and statistics against what was given."""

import re
from html import unescape

import numpy as np
import pytest

from shapelab.engine.answers import Statistics
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.explorers.network_words import stage_details


@pytest.fixture(scope="module")
def unet():
    return Engine().trace(check("unet", {}))


def plain(html):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def statistics(channels, *, train):
    drawn = np.random.default_rng(0).uniform(0.5, 2, (6, channels)).astype(np.float32)
    batch = (drawn[0], drawn[1]) if train else (None, None)
    return Statistics(*batch, drawn[2], drawn[3], drawn[4], drawn[5], 0.99, 1e-5)


def test_all_stages_tell_their_cost_field_and_line(unet):
    for stage in unet.stages:
        said = plain(stage_details(stage))
        if stage.macs:
            assert f"{stage.macs:,} MACs" in said
            assert f"{stage.flops + stage.flops_once:,} FLOPs" in said
        if stage.params:
            assert f"{stage.params:,} parameters" in said
        assert f"{stage.bytes:,} bytes" in said
        assert f"unet.py:{stage.source.line}" in said or f"unet_of_depth.py:{stage.source.line}" in said
        assert " × ".join(str(field.size) for field in stage.receptive_field) in said
        assert ("every cell depends on every cell of the input" in said) == stage.couples_all
        assert ("Statistics" in said) == (stage.op == "batch_norm")


def test_training_shows_each_channels_statistics_before_and_after(unet):
    stage = next(stage for stage in unet.stages if stage.op == "batch_norm" and stage.out_shape[-1] == 16)
    found = statistics(16, train=True)
    html = stage_details(stage, found)
    rows = re.findall(r"<tr><th scope=row>(\d+)</th>(.*?)</tr>", html)
    assert [int(number) for number, _ in rows] == list(range(8))
    for number, row in rows:
        shown = [float(text) for text in re.findall(r">([-\d.e+]+)</td>", row)]
        given = [
            values[int(number)]
            for values in (
                found.batch_mean,
                found.batch_variance,
                found.running_mean_before,
                found.running_variance_before,
                found.running_mean_after,
                found.running_variance_after,
            )
        ]
        assert shown == pytest.approx(given, rel=5e-3)
    said = plain(html)
    assert "channels 0 to 7 of 16" in said
    assert "0.99 · before + 0.01 · batch" in said


def test_evaluation_says_that_running_statistics_are_used_and_stay(unet):
    stage = next(stage for stage in unet.stages if stage.op == "batch_norm")
    said = plain(stage_details(stage, statistics(8, train=False)))
    assert "running mean and variance, which stay as they are" in said
    assert "– –" in said


def test_statistics_on_their_way_keep_their_place(unet):
    stage = next(stage for stage in unet.stages if stage.op == "batch_norm")
    assert "on their way" in stage_details(stage)
